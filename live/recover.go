//go:build linux

package live

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Recovered is a policy that is loaded, as its rules tell.
type Recovered struct {
	At Location

	// Policy has what one must know to knock: not `total`, `reset` and `log`. A service is in
	// parts if another knock guards a part of it.
	Policy *lang.Policy

	Sets   []string          // of sources, by their names in the kernel
	Places map[string]Places // by knock
}

// Places are where the rules of a knock keep what a source has done.
type Places struct {
	Steps []compiler.Place // each step but the last
	Grant compiler.Place
}

// UntoldError says why a policy cannot be recovered from its rules.
type UntoldError struct{ Why string }

func (e *UntoldError) Error() string { return "the rules do not tell their whole policy: " + e.Why }

// Recover reads a policy from its rules; an [UntoldError] if they do not tell enough.
func (h *Host) Recover(at Location) (*Recovered, error) {
	t, err := h.policy(at)
	if err != nil {
		return nil, err
	}
	return t.recover()
}

func (t *Table) recover() (*Recovered, error) {
	m := t.meanings()
	r := &Recovered{At: Location{t.Name, t.fragment}, Places: map[string]Places{}}
	text, err := settingsText(m.settings)
	if err != nil {
		return nil, err
	}
	counts := t.counted()
	for _, name := range slices.Sorted(maps.Keys(m.knocks)) {
		k := m.knocks[name]
		if _, ok := counts[compiler.LetInCounter(name)]; !ok {
			return nil, &UntoldError{"an earlier version has made them"}
		}
		if r.Places[name], err = m.places(k); err != nil {
			return nil, err
		}
		text += k.text()
	}
	policy, found := lang.Examine([]byte(text))
	if i := slices.IndexFunc(found, func(f lang.Finding) bool { return f.Severity == lang.Error }); i >= 0 {
		return nil, &UntoldError{"of what they tell, " + found[i].Message}
	}
	r.Policy = policy
	for _, s := range t.sets {
		if _, _, ok := compiler.SetOf(t.own(s.Name)); ok {
			r.Sets = append(r.Sets, s.Name)
		}
	}
	return r, nil
}

// settingsText is a policy's settings, given their legend. That has `trust` twice, for
// prefixes and for interfaces, and no quotes, which names of interfaces may need.
func settingsText(legend string) (string, error) {
	var words []string
	interfaces := false
	for word := range strings.FieldsSeq(legend) {
		switch word {
		case "...":
			return "", &UntoldError{"its settings do not fit into a comment"}
		case "default", "refuse", "hook", "priority", "size", "open", "from":
			interfaces = false
		case "on", "trust":
			if interfaces = true; word == "trust" && slices.Contains(words, word) {
				continue
			}
		default:
			if interfaces && !isPrefix(word) {
				word = `"` + word + `"`
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ") + "\n", nil
}

func isPrefix(text string) bool {
	_, err := netip.ParsePrefix(text)
	_, addrErr := netip.ParseAddr(text)
	return err == nil || addrErr == nil
}

// places are where a knock keeps what a source has done.
func (m *meanings) places(k *Knock) (p Places, err error) {
	per := lang.Per{IPv4: k.Per[compiler.IPv4], IPv6: k.Per[compiler.IPv6]}
	p.Steps = make([]compiler.Place, max(0, len(k.Steps)-1))
	found := map[compiler.Place]bool{}
	for at, s := range m.states {
		kind, _, _ := compiler.SetOf(at.set)
		place := compiler.Place{Kind: kind, Number: at.number, Per: per}
		switch {
		case s.knock != k:
		case s.Role == compiler.Grant:
			p.Grant = place
			found[place] = true
		case s.Role == compiler.Opening && 0 < s.Step && s.Step <= len(p.Steps):
			p.Steps[s.Step-1] = place
			found[place] = true
		}
	}
	if len(found) != len(p.Steps)+1 || slices.Contains(k.Steps, "") {
		return p, &UntoldError{fmt.Sprintf("rules of knock `%s` are missing", k.Name)}
	}
	return p, nil
}

// text is a knock as a policy has it.
func (k *Knock) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "knock %s < %s -> %s", k.Name, strings.Join(k.Steps, " "), strings.Join(k.Services, " "))
	clause := func(name string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, " %s %s", name, strings.Join(values, " "))
		}
	}
	var on []string
	for _, i := range k.On {
		on = append(on, `"`+i+`"`)
	}
	clause("at", slices.DeleteFunc(slices.Clone(k.At), func(prefix string) bool { return prefix == "..." }))
	if k.code != "" {
		clause("key", []string{`"loaded"`}) // whoever has the table need not know it
	}
	clause("close", k.Close)
	clause("from", k.From)
	clause("on", on)
	if k.Within > 0 {
		clause("within", []string{lang.FormatDuration(k.Within)})
	}
	clause("grant", []string{lang.FormatDuration(k.Grant)})
	if k.Once {
		b.WriteString(" once")
	}
	bits := func(f compiler.Family) int { return cmp.Or(k.Per[f], f.Bits()) } // it may have no services for a family
	fmt.Fprintf(&b, " per /%d /%d >\n", bits(compiler.IPv4), bits(compiler.IPv6))
	return b.String()
}
