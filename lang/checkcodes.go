package lang

import (
	"cmp"
	"slices"
	"time"
)

// codes finds why the one-time codes of a knock cannot work.
func (c *checker) codes(k *Knock) {
	for _, s := range k.Close {
		if s.Code {
			c.add(CodeOneTime, s.Span, "a `close` sequence cannot have a one-time code").hint("a code can be used once, and it opens the door")
		}
	}
	at := k.CodeStep()
	if at < 0 {
		return
	}
	step := k.Steps[at]
	if second, ok := secondCode(k.Steps); ok {
		c.add(CodeOneTime, second.Span, "a knock has one step with a one-time code at most").hint("leave one of them out")
	}
	if !k.flawed && !c.given(k, ClauseKey) {
		c.add(CodeOneTime, step.Span, "step %s needs a `key`", Quote(step.String())).
			hint(`add key "%s.key", which is made by: knockc key %s.key`, k.Name.Text, k.Name.Text)
	}
	if plain, ok := c.plainAt(step.Port); ok {
		c.add(CodeOneTime, step.Span, "port %s is also a step of knock %s that needs no code", Quote(plain.port().String()), Quote(plain.knock)).
			hint("choose a port for the code alone")
	}
	if own := cmp.Or(k.Given[ClauseAhead], k.Given[ClausePeriod]); own != (Span{}) && !k.flawed {
		c.ahead(own, k.Period, k.Ahead)
	}
}

// secondCode is the second step with a code.
func secondCode(steps []Step) (Step, bool) {
	isCode := func(s Step) bool { return s.Code }
	first := slices.IndexFunc(steps, isCode)
	second := slices.IndexFunc(steps[first+1:], isCode)
	if first < 0 || second < 0 {
		return Step{}, false
	}
	return steps[first+1+second], true
}

// given reports whether a knock has a clause, itself or from `defaults`.
func (c *checker) given(k *Knock, clause Clause) bool {
	_, own := k.Given[clause]
	_, other := c.policy.Defaults.Given[clause]
	return own || other
}

// plainAt finds a step at a UDP port that needs no code.
func (c *checker) plainAt(port uint16) (knockStep, bool) {
	wanted := knockStep{Step: &Step{Proto: UDP, Port: port}}
	i, _ := slices.BinarySearchFunc(c.steps, wanted, byPort)
	for ; i < len(c.steps) && byPort(c.steps[i], wanted) == 0; i++ {
		if !c.steps[i].Code {
			return c.steps[i], true
		}
	}
	return knockStep{}, false
}

// manyCodes are more than a timer can load in passing.
const manyCodes = 100_000

// ahead says what is wrong with the time for which codes are loaded.
func (c *checker) ahead(at Span, period, ahead time.Duration) {
	switch n := int(ahead / period); {
	case n < 2:
		c.add(CodeDuration, at, "`ahead %s` is too short: it must be two periods or more, and a period is %s", FormatDuration(ahead), FormatDuration(period)).
			hint("ahead %s", FormatDuration(DefaultAhead))
	case n > MaxCodes:
		c.add(CodeDuration, at, "%s with a period of %s are %s codes: at most %s are allowed", FormatDuration(ahead), FormatDuration(period), thousands(n), thousands(MaxCodes)).
			hint("ahead %s", FormatDuration(DefaultAhead))
	case n > manyCodes:
		c.add(CodeManyCodes, at, "%s codes of this knock are loaded, about %d MB", thousands(n), n/9500).
			hint("ahead %s, or a longer period", FormatDuration(DefaultAhead))
	}
}

// codeClauses mean something only to a knock with a one-time code.
var codeClauses = []Clause{ClauseKey, ClausePeriod, ClauseAhead}

// withoutCode says that a knock has clauses for codes and needs none.
func (c *checker) withoutCode(k *Knock) {
	for _, clause := range codeClauses {
		if at, ok := k.Given[clause]; ok && k.CodeStep() < 0 {
			c.add(CodeNoCode, at, "`%s` has no effect: this knock has no step with a one-time code", clause).hint("add a step such as otp/62201")
			return
		}
	}
}

// defaultCodes checks what `defaults` says of codes.
func (c *checker) defaultCodes() {
	d := &c.policy.Defaults
	if own := cmp.Or(d.Given[ClauseAhead], d.Given[ClausePeriod]); own != (Span{}) && !c.policy.flawedAt[c.policy.Settings.Given[SettingDefaults].Start.Offset] {
		c.ahead(own, cmp.Or(d.Period, DefaultPeriod), cmp.Or(d.Ahead, DefaultAhead))
	}
	if len(c.policy.flawedAt) > 0 || slices.ContainsFunc(c.policy.Knocks, func(k *Knock) bool { return k.CodeStep() >= 0 }) {
		return
	}
	for _, clause := range codeClauses {
		if at, ok := d.Given[clause]; ok {
			c.add(CodeNoCode, at, "`%s` has no effect: no knock has a step with a one-time code", clause).hint("add a step such as otp/62201")
			return
		}
	}
}

// secret says of the first knock without a code that anyone who sees it can repeat it.
func (c *checker) secret() {
	i := slices.IndexFunc(c.policy.Knocks, func(k *Knock) bool { return k.CodeStep() < 0 })
	if i < 0 || len(c.policy.flawedAt) > 0 {
		return
	}
	k := c.policy.Knocks[i]
	c.add(CodeSecret, k.Steps[0].Span.To(k.Steps[len(k.Steps)-1].Span), "these steps are the only secret: anyone who sees them can repeat them").
		hint("add a step with a one-time code: otp/62201")
}
