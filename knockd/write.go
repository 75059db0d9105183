package knockd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Import makes a policy from a configuration of knockd with the given name. The policy
// is in canonical form and has no errors. It is nil if the configuration has errors;
// otherwise the findings are warnings about its lines. A knock with errors becomes a
// comment.
func Import(name string, src []byte) (policy []byte, found []lang.Finding) {
	if other := notKnockd(src); other != nil {
		return nil, other
	}
	c, found := parse(string(src))
	if lang.HasErrors(found) {
		lang.SortFindings(found)
		return nil, found
	}
	v := &converter{config: c, found: found, names: map[string]int{}}
	v.convert()
	w := &writer{name: name, config: c, knocks: v.knocks}
	for errors := policyErrors(w.policy()); len(errors) > 0; errors = policyErrors(w.policy()) {
		if w.out.Len() > lang.MaxPolicy {
			begin := word{start: lang.Pos{Line: 1, Column: 1}}
			return nil, []lang.Finding{finding(lang.Error, begin, "its policy would be longer than a policy can be: %d MiB", lang.MaxPolicy>>20)}
		}
		for _, e := range errors {
			k := w.knockAt(e.Span.Start.Offset)
			v.lose(k, k.door.section, "%s", e.Message)
		}
	}
	v.everOpen()
	lang.SortFindings(v.found)
	policy, _ = lang.Format(w.policy())
	return policy, v.found
}

// writer writes a policy.
type writer struct {
	name   string
	config *config
	knocks []*knock

	out  strings.Builder
	ends []int // where the text of each knock ends
}

// knockAt is the knock whose text holds an offset of the policy last written.
// All errors stand in knocks: what else a policy holds is always right.
func (w *writer) knockAt(offset int) *knock {
	i, _ := slices.BinarySearch(w.ends, offset+1)
	return w.knocks[i]
}

func policyErrors(text []byte) []lang.Finding {
	policy, found := lang.Examine(text)
	if !lang.HasErrors(found) {
		_, more := compiler.Compile(policy)
		found = append(found, more...)
	}
	var errors []lang.Finding
	for _, f := range found {
		if f.Severity == lang.Error {
			errors = append(errors, f)
		}
	}
	return errors
}

func (w *writer) policy() []byte {
	w.out.Reset()
	w.ends = nil
	w.comment("Made by knockc import from %s.", w.name)
	w.comment("The host's own firewall must accept packets to these services too: see knockc help build.")
	w.out.WriteString("\n")
	w.comment("Like knockd, begin again after a wrong attempt at a port that is a step.")
	w.out.WriteString("defaults < reset known")
	if w.config.syslog {
		w.out.WriteString(" log")
	}
	w.out.WriteString(" >\n")
	for _, k := range w.knocks {
		w.knock(k)
		w.ends = append(w.ends, w.out.Len())
	}
	return []byte(w.out.String())
}

// comment writes a line; what would not print in it becomes a character that does.
func (w *writer) comment(format string, args ...any) {
	w.out.WriteString("# " + lang.Printable(fmt.Sprintf(format, args...)) + "\n")
}

func (w *writer) knock(k *knock) {
	w.out.WriteString("\n")
	w.comment("Line %d: [%s]%s", k.door.section.start.Line, k.door.section.text, closedBy(k))
	slices.SortStableFunc(k.door.notes, func(a, b note) int { return cmp.Compare(a.line, b.line) })
	for _, n := range k.door.notes {
		w.comment("Line %d: %s", n.line, n.text)
	}
	if !k.lost {
		fmt.Fprintf(&w.out, "%s\n", k)
		return
	}
	for _, name := range doorKeys {
		if e, ok := k.door.entries[name]; ok && strings.Contains(name, "command") {
			w.comment("    %s = %s", e.key.text, e.value.text)
		}
	}
	if k.Name.Text != "" {
		w.comment("%s", k)
	}
}

func closedBy(k *knock) string {
	if k.closed == nil {
		return ""
	}
	return fmt.Sprintf(", closed by line %d: [%s]", k.closed.section.start.Line, k.closed.section.text)
}

// String is the knock on one line, with what its door says of it. A word in
// capitals stands for what is not known.
func (k *knock) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "knock %s <%s ->%s total %s", k.Name.Text,
		cmp.Or(lang.List(k.Steps), " STEPS"), cmp.Or(lang.List(k.Services), " SERVICES"), seconds(k.Total))
	if k.Grant == lang.Forever {
		b.WriteString(" grant forever")
	} else {
		b.WriteString(" grant " + seconds(k.Grant))
	}
	if len(k.Close) > 0 {
		b.WriteString(" close" + lang.List(k.Close))
	}
	if len(k.From) > 0 {
		b.WriteString(" from" + lang.List(k.From))
	}
	if len(k.On) > 0 {
		b.WriteString(" on" + lang.List(k.On))
	}
	if len(k.At) > 0 {
		b.WriteString(" at" + where(k.At))
	}
	return b.String() + " >"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", d/time.Second) }

// notKnockd has a finding if a text is a policy already, a trace, or something else.
func notKnockd(src []byte) []lang.Finding {
	begin := lang.Pos{Line: 1, Column: 1}
	is := func(message, hint string) []lang.Finding {
		return []lang.Finding{{Severity: lang.Error, Span: lang.Span{Start: begin, End: begin}, Message: message, Hint: hint}}
	}
	if p, found := lang.Parse(src); len(p.Knocks) > 0 && !lang.HasErrors(found) {
		return is("this is a policy already", "knockc check FILE")
	}
	text := string(src[:min(len(src), 4096)])
	if kind, _ := lang.Foreign(text); kind != "" && kind != lang.KnockdConfiguration {
		return is("this is "+kind+", not a configuration of knockd", "knockd's own is /etc/knockd.conf")
	}
	return nil
}
