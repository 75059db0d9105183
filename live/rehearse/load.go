//go:build linux

package rehearse

import (
	"fmt"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/lazy"
)

// tracing is a table that has the kernel tell of every packet which rules it meets. It is
// a table of its own, since it must see packets before all others do.
const tracing = `
table inet knockc_rehearsal {
	chain first {
		type filter hook prerouting priority -2147483648; policy accept;
		meta nftrace set 1
	}
	chain answers {
		type filter hook output priority -2147483648; policy accept;
		meta nftrace set 1
	}
}
`

const tracingTable = "table inet knockc_rehearsal"

// load gives the place a firewall and, if it is not part of that, the policy. It notes at
// each table whether the place has it.
func (p *place) load(f *firewall, r *compiler.Ruleset) error {
	p.loadTables(f.tables)
	for _, t := range f.tables {
		if t.iptables != "" {
			t.note(p.restore(t))
		}
	}
	if err := p.compare(f.tables); err != nil {
		return err
	}
	var policy strings.Builder
	if r != nil {
		if err := r.WriteNFT(&policy, nil); err != nil {
			return err
		}
	}
	return p.Load(policy.String() + tracing)
}

// note notes why the place does not have the table, if it is the first to say so.
func (t *table) note(err error) {
	if err != nil && t.lost == "" {
		t.lost = oneLine(err.Error())
	}
}

func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// loadTables loads the tables of nft: at once if it can.
func (p *place) loadTables(tables []*table) {
	var all []*table
	var script strings.Builder
	for _, t := range tables {
		if t.iptables == "" && t.lost == "" {
			all = append(all, t)
			script.WriteString(t.text)
		}
	}
	if p.Load(script.String()) == nil {
		return
	}
	for _, t := range all {
		t.note(p.Load(t.text))
	}
}

// restore loads a table of iptables.
func (p *place) restore(t *table) error {
	program := t.iptables + "-restore"
	c := command(program, "-n")
	var said strings.Builder
	c.Stdin, c.Stderr = strings.NewReader(t.text), &said
	if err := p.Do(c.Run); err != nil {
		return saidBy(program, err, said.String())
	}
	return nil
}

// compare notes which tables are different in the place. Elements of sets are left out:
// they end meanwhile.
func (p *place) compare(tables []*table) error {
	text, err := p.Nft("-s", "-t", "list", "ruleset")
	if err != nil {
		return fmt.Errorf("list the copy: %w", err)
	}
	there := map[string]string{}
	for _, t := range tablesOf(text) {
		there[t.String()] = t.text
	}
	for _, t := range tables {
		copied, wanted := there[t.String()], withoutElements(t.text)
		if t.iptables != "" {
			err = p.Do(func() (err error) {
				copied, err = run(t.iptables+"-save", "-t", t.name)
				return err
			})
			copied, wanted = withoutCounters(copied), t.text
		}
		if copied != wanted {
			t.note(fmt.Errorf("the copy has `%s`, and not `%s`", firstDifference(wanted, copied), firstDifference(copied, wanted)))
		}
	}
	return nil
}

// elements are those of a set: all its lines but the last end with a comma.
var elements = lazy.Regexp(`(?m)^\t\telements = \{(?:.*,\n)*.*\}\n`)

func withoutElements(text string) string {
	if !strings.Contains(text, "\t\telements = {") {
		return text
	}
	return elements().ReplaceAllString(text, "")
}

// firstDifference is the first line in which a text differs from another one.
func firstDifference(from, text string) string {
	others := strings.Split(from, "\n")
	for i, line := range strings.Split(text, "\n") {
		if i >= len(others) || others[i] != line {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
