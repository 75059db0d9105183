//go:build linux

package live

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Knock is what the rules tell of a knock.
type Knock struct {
	Name     string
	Steps    []string // as a policy has them
	Close    []string
	Services []string // ports and ranges, in order, cut where another knock needs it
	Within   time.Duration
	Grant    time.Duration // [lang.Forever]
	Once     bool
	At       []string // the prefixes of `at`, as far as a comment has room; none: the host itself
	From     []string // the prefixes that `from` admits; none: all
	On       []string // the interfaces that `on` admits; none: all
	Per      [2]int   // how much of an IPv4 and an IPv6 address makes a source; 0: it has no such service

	code   string           // the step that needs a one-time code, as if it needed none
	grant  uint32           // the state number of its grants
	opens  [][]change       // what the rules do by which the door opens
	points []compiler.Point // those of its services
}

// state is what an element stands for.
type state struct {
	compiler.Symbol
	knock *Knock
	bits  int // how much of an address makes a source
}

type place struct {
	set    string
	number uint32
}

// meanings is what the rules tell of knocks and of the elements in the sets.
type meanings struct {
	knocks   map[string]*Knock
	states   map[place]state
	settings string // those that are not the usual ones
}

func newMeanings() *meanings {
	return &meanings{knocks: map[string]*Knock{}, states: map[place]state{}}
}

func (t *Table) meanings() *meanings {
	if t.told != nil {
		return t.told
	}
	m := newMeanings()
	for _, c := range t.chains {
		for _, r := range t.rules[c.Name] {
			m.rule(c.Name, r.comment, r.changes)
		}
	}
	if t.Hook == compiler.Input && !t.settling() {
		m.settings = compiler.WithHookInput(m.settings)
	}
	m.sort()
	return m
}

// meaningsOf are those of a ruleset that is not loaded.
func meaningsOf(r *compiler.Ruleset) *meanings {
	m := newMeanings()
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			m.rule(c.Name, rule.Comment, updatesOf(rule))
		}
	}
	m.sort()
	return m
}

func updatesOf(r compiler.Rule) (all []change) {
	for _, i := range r.Instructions {
		if u, ok := i.(compiler.Update); ok {
			all = append(all, change{u.Set, u.Key.State, u.Key.Family, u.Key.Bits, u.Timeout})
		}
	}
	return all
}

func (m *meanings) rule(chain, comment string, does []change) {
	l, _ := compiler.ParseLegend(comment)
	switch l.For {
	case compiler.ForStep, compiler.ForOpening, compiler.ForClose:
		m.step(chain, l, does)
	case compiler.ForService:
		k := m.knock(l.Knock)
		if at, ok := compiler.PointOf(chain); ok && !slices.Contains(k.points, at) {
			k.points = append(k.points, at)
			k.Services = append(k.Services, at.String())
		}
		k.At = appendNew(k.At, l.At...)
	case compiler.ForCode:
		if at, ok := compiler.PointOf(chain); ok {
			m.knock(l.Knock).code = at.String()
		}
	case compiler.ForOnce:
		m.knock(l.Knock).Once = true
	case compiler.ForAdmission:
		if name, ok := compiler.AdmittingKnock(chain); ok {
			k := m.knock(name)
			if l.From != "" {
				k.From = appendNew(k.From, l.From)
			}
			if l.On != "" {
				k.On = appendNew(k.On, l.On)
			}
		}
	case compiler.ForSettings:
		m.settings = l.Text
	}
}

// appendNew appends what is not there yet.
func appendNew(all []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// step takes in what a rule does that belongs to a step. Its last update is that of the
// step, but after one of `close` that of a guard may follow; others serve time limits.
func (m *meanings) step(chain string, l compiler.Legend, does []change) {
	k := m.knock(l.Knock)
	means, steps := compiler.Symbol{Knock: l.Knock, Role: compiler.Opening, Step: l.Step, Of: l.Of}, &k.Steps
	if l.For == compiler.ForClose {
		means.Role, steps = compiler.Closing, &k.Close
		does = slices.DeleteFunc(does, func(c change) bool { return !isOf(c.set, compiler.ClosingFirst, compiler.ClosingSteps) })
	}
	for len(*steps) < min(l.Of, maxSteps) {
		*steps = append(*steps, "")
	}
	at, ok := compiler.PointOf(chain)
	if ok && 0 < l.Step && l.Step <= len(*steps) && ((*steps)[l.Step-1] == "" || at == anyPing) {
		(*steps)[l.Step-1] = at.String()
	}
	if len(does) == 0 {
		return
	}
	last := does[len(does)-1]
	switch l.For {
	case compiler.ForOpening:
		means = compiler.Symbol{Knock: l.Knock, Role: compiler.Grant}
		k.opens = append(k.opens, does)
		k.grant, k.Grant = last.number, last.timeout
		k.Per[last.family] = cmp.Or(k.Per[last.family], last.bits)
	case compiler.ForStep:
		k.Within = last.timeout
	}
	m.states[place{last.set, last.number}] = state{means, k, last.bits}
}

// anyPing is where pings of all lengths come that no step has. A step that is any ping has
// rules at each length too.
var anyPing = compiler.Point{Proto: lang.Ping, Length: lang.AnyLength}

// isOf reports whether a set is of one of the kinds.
func isOf(set string, kinds ...compiler.SetKind) bool {
	kind, _, ok := compiler.SetOf(set)
	return ok && slices.Contains(kinds, kind)
}

// maxSteps bounds what a comment is believed that someone has changed.
const maxSteps = 1 << 10

// sort puts services in the order of their ports, since that of chains does not last, and
// names the steps that need codes.
func (m *meanings) sort() {
	for _, k := range m.knocks {
		for i, step := range k.Steps {
			if port, ok := strings.CutPrefix(step, "udp/"); ok && step == k.code {
				k.Steps[i] = "otp/" + port
			}
		}
		slices.SortFunc(k.Services, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	}
}

func (m *meanings) knock(name string) *Knock {
	if m.knocks[name] == nil {
		m.knocks[name] = &Knock{Name: name}
	}
	return m.knocks[name]
}

// address is the address at the beginning of an element's key.
func address(key []byte) (netip.Addr, uint32, bool) {
	n := len(key) - 4
	if n != 4 && n != 16 {
		return netip.Addr{}, 0, false
	}
	a, _ := netip.AddrFromSlice(key[:n])
	return a, binary.NativeEndian.Uint32(key[n:]), true
}

// key is that of a source's element.
func (c change) key(src netip.Addr) []byte {
	p, _ := src.Prefix(c.bits)
	return binary.NativeEndian.AppendUint32(p.Addr().AsSlice(), c.number)
}
