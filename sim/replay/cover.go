package replay

import (
	"fmt"

	"example.org/knockc/lang"
)

// Item is a part of a policy that a packet can meet.
type Item struct {
	Span lang.Span // in the policy
	What string    // such as "ssh: step 2 (2345)"
	Did  string    // what it did when it was met, such as "done"
	Met  bool
}

// Missed says that the item was not met.
func (i Item) Missed() string { return i.What + " never " + i.Did }

// Cover knows which items of a policy packets have met. The items are, for each
// knock,
//
//   - each step of its sequence, done; the last one opens the door
//   - each step of its close sequence, done; the last one shuts an open door
//   - each service, entered by a grant
//   - each service, refused
//   - `once`, having used up a grant; `reset`, having ended progress or a grant; `from`
//     and `on`, each having kept out a packet at a step
//
// and each open service, reached by a packet that its `open` admits; each prefix and
// interface of `trust`, used to reach a service of a knock; and the default, if the
// policy gives it, having decided about a packet that is not at a step.
type Cover struct {
	Items   []Item
	targets *targets
	index   map[itemKey]int
	rules   map[string][]bool // of each chain: whether they ran to their end
}

// itemKind is a kind of item.
type itemKind int

const (
	stepDone itemKind = iota
	closeStepDone
	entered
	refused
	clauseUsed
	openReached
	prefixTrusted
	ifaceTrusted
	defaultUsed
)

type itemKey struct {
	knock string // "": of the whole policy
	kind  itemKind
	which int    // the index of a step, service and so on
	word  string // of a clause
}

// NewCover begins with nothing met.
func NewCover(p *lang.Policy) *Cover {
	c := &Cover{targets: newTargets(p), index: map[itemKey]int{}, rules: map[string][]bool{}}
	for _, k := range p.Knocks {
		c.knock(k)
	}
	s := &p.Settings
	for _, o := range opens(s) {
		c.add(itemKey{"", openReached, o.number, ""}, o.service.Span, "reached", "%s", o)
	}
	for i, prefix := range s.TrustPrefixes {
		c.add(itemKey{"", prefixTrusted, i, ""}, prefix.Span, "used", "trust %s", prefix.Prefix)
	}
	for i, iface := range s.TrustIfaces {
		c.add(itemKey{"", ifaceTrusted, i, ""}, iface.Span, "used", "trust %s", iface)
	}
	if at, given := s.Given[lang.SettingDefault]; given {
		c.add(itemKey{"", defaultUsed, 0, ""}, at, "used", "default")
	}
	return c
}

func (c *Cover) add(key itemKey, at lang.Span, did, format string, args ...any) {
	c.index[key] = len(c.Items)
	c.Items = append(c.Items, Item{Span: at, Did: did, What: fmt.Sprintf(format, args...)})
}

// knock adds the items of a knock.
func (c *Cover) knock(k *lang.Knock) {
	c.sequence(k, k.Steps, stepDone, "step", "opened the door")
	c.sequence(k, k.Close, closeStepDone, "close step", "shut the door")
	name := k.Name.Text
	for i, s := range k.Services {
		c.add(itemKey{name, entered, i, ""}, s.Span, "entered by a grant", "%s: %s", name, s)
		c.add(itemKey{name, refused, i, ""}, s.Span, "refused", "%s: %s", name, s)
	}
	c.clause(k, lang.ClauseOnce, k.Once, "used up a grant")
	c.clause(k, lang.ClauseReset, k.Reset.Mode != lang.ResetNone, "ended progress or a grant")
	c.clause(k, lang.ClauseFrom, len(k.From) > 0, "kept out a packet at a step")
	c.clause(k, lang.ClauseOn, len(k.On) > 0, "kept out a packet at a step")
}

func (c *Cover) sequence(k *lang.Knock, steps []lang.Step, kind itemKind, word, last string) {
	for i, s := range steps {
		did := "done"
		if i == len(steps)-1 {
			did = last
		}
		c.add(itemKey{k.Name.Text, kind, i, ""}, s.Span, did, "%s: %s %d (%s)", k.Name.Text, word, i+1, s)
	}
}

func (c *Cover) clause(k *lang.Knock, clause lang.Clause, has bool, did string) {
	if !has {
		return
	}
	at, own := k.Given[clause]
	if !own {
		at = k.Name.Span // it is from `defaults`
	}
	c.add(itemKey{k.Name.Text, clauseUsed, 0, clause.String()}, at, did, "%s: %s", k.Name.Text, clause)
}

// Met is how many of the items packets have met.
func (c *Cover) Met() int {
	n := 0
	for _, i := range c.Items {
		if i.Met {
			n++
		}
	}
	return n
}

// Percent is how many of the items packets have met, in percent.
func (c *Cover) Percent() float64 {
	if len(c.Items) == 0 {
		return 100
	}
	return 100 * float64(c.Met()) / float64(len(c.Items))
}
