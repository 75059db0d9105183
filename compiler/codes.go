package compiler

import (
	"strings"
	"time"

	"example.org/knockc/lang"
)

// CodesOf are the one-time codes of a knock. They are no part of the ruleset: whoever
// loads it puts them into their set.
type CodesOf struct {
	Knock  string
	Set    string
	Key    lang.KeyFile
	Period time.Duration // in which one code is sent
	Ahead  time.Duration // how long before its period a code is in the set
	Size   int           // of the set
}

// ofCodes is the end of the name of a set of codes.
const ofCodes = "_codes"

// CodesSet is the name of the set with the codes of a knock that have not been used.
func CodesSet(knock string) string { return knock + ofCodes }

// KnockOfCodes is the knock that a set of codes is for; false if it is another set.
func KnockOfCodes(set string) (knock string, ok bool) { return strings.CutSuffix(set, ofCodes) }

// codesOf are the codes of the knocks that need any, in the order of the file.
func codesOf(p *lang.Policy) []CodesOf {
	var all []CodesOf
	for _, k := range p.Knocks {
		if k.CodeStep() >= 0 {
			// Those of the present and the last period live, and those that have ended hold
			// their places until they are collected.
			const spare = 16
			size := int((k.Ahead+slowCollect)/k.Period) + spare
			all = append(all, CodesOf{k.Name.Text, CodesSet(k.Name.Text), k.Key, k.Period, k.Ahead, size})
		}
	}
	return all
}

// codeSets are the sets of codes.
func (b *builder) codeSets() {
	for _, c := range codesOf(b.policy) {
		b.ruleset.Sets = append(b.ruleset.Sets, &Set{
			Name: c.Set, Comment: "one-time codes of " + c.Knock + " that nobody has used",
			Codes: true, Size: c.Size, Collect: slowCollect,
		})
	}
}

// takesCode reports whether attempts at the point need a one-time code of the knock.
func (p *point) takesCode(k *lang.Knock) bool {
	i := k.CodeStep()
	return i >= 0 && p.has(k.Steps[i])
}

// spending leads to the rules by which an attempt at a point moves a knock: if the attempt
// needs a one-time code of the knock, by a rule that spends it. That comes before anything
// else is asked, also whether the source may knock. A code that somebody has copied and
// sends again must not be of use because it once came in vain.
func (b *builder) spending(c *Chain, p *point, k *lang.Knock, condition ...Instruction) {
	comment := ""
	if p.takesCode(k) {
		condition = append(condition, Spend{CodesSet(k.Name.Text)})
		comment = Legend{For: ForCode, Knock: k.Name.Text}.Comment()
	}
	c.add(comment, append(condition, admitted(p, k))...)
}
