package lang

import (
	"slices"
	"time"
)

// clauses reads the clauses of a body.
func (p *parser) clauses(nodes []clauseNode, c *Clauses) {
	c.Given = map[Clause]Span{}
	for _, n := range nodes {
		word, at := n.Keyword.Value, tokenSpan(n.Keyword)
		clause, _ := clauseOf(word)
		if first, ok := c.Given[clause]; ok {
			p.add(CodeDuplicate, at, "clause `%s` was already given in line %d", word, first.Start.Line).hint("leave one of them out")
			continue
		}
		c.Given[clause] = at
		v := &values{p, word, at, clauses[clause].values, n.Values.Terms}
		switch clause {
		case ClauseWithin:
			v.duration(&c.Within)
		case ClauseTotal:
			v.duration(&c.Total)
		case ClauseGrant:
			v.duration(&c.Grant)
		case ClauseOnce:
			c.Once = true
		case ClauseReset:
			v.reset(&c.Reset)
		case ClauseClose:
			v.steps(&c.Close)
		case ClauseFrom:
			v.prefixes(&c.From, "192.0.2.0/24 2001:db8::/32")
		case ClauseOn:
			v.ifaces(&c.On)
		case ClauseAt:
			v.prefixes(&c.At, "10.0.0.5 2001:db8:1::5")
		case ClauseKey:
			v.key(&c.Key)
		case ClausePeriod:
			v.seconds(MinPeriod, MaxPeriod, "a period is 10s to 1h", &c.Period)
		case ClauseAhead:
			v.seconds(0, MaxDuration, "", &c.Ahead)
		case ClausePer:
			v.per(&c.Per)
		case ClauseLog:
			v.log(&c.Log)
		default:
			panic("nothing reads the clause " + word)
		}
		v.end()
	}
}

// complete fills in what a knock does not say itself.
func (c *Clauses) complete(defaults *Clauses) {
	from := func(clause Clause) *Clauses {
		if _, own := c.Given[clause]; own {
			return c
		}
		return defaults
	}
	c.Within, c.Total, c.Grant = from(ClauseWithin).Within, from(ClauseTotal).Total, from(ClauseGrant).Grant
	c.Key, c.Period, c.Ahead = from(ClauseKey).Key, from(ClausePeriod).Period, from(ClauseAhead).Ahead
	c.Reset, c.Per, c.Log = from(ClauseReset).Reset, from(ClausePer).Per, from(ClauseLog).Log
	if c.Within == 0 {
		c.Within = DefaultWithin
		if c.Total != 0 {
			c.Within = c.Total
		}
	}
	if c.Grant == 0 {
		c.Grant = DefaultGrant
	}
	if c.Period == 0 {
		c.Period = DefaultPeriod
	}
	if c.Ahead == 0 {
		c.Ahead = DefaultAhead
	}
	if c.Per.IPv4 == 0 {
		c.Per.IPv4 = 32
	}
	if c.Per.IPv6 == 0 {
		c.Per.IPv6 = 128
	}
}

// duration reads a duration, or the word for none or forever if the clause has one.
func (v *values) duration(d *time.Duration) {
	if word, ok := v.takeWord(v.words...); ok {
		if word == "forever" {
			*d = Forever
		}
		return
	}
	if v.misspelt(v.words...) {
		return
	}
	term, ok := v.next()
	if !ok {
		v.missing("a duration", v.word+" 5s")
		return
	}
	if len(v.terms) > 0 && isUnit(v.terms[0].text()) {
		v.p.add(CodeDuration, term.span().To(v.terms[0].span()), "the duration `%s %s` is in two pieces", term.text(), v.terms[0].text()).
			hint("%s%s", term.text(), v.terms[0].text())
		v.terms = v.terms[1:]
		return
	}
	v.p.duration(term, d)
}

func (v *values) reset(r *Reset) {
	word, ok := v.takeWord(resetModes...)
	switch {
	case ok:
		r.Mode = ResetMode(slices.Index(resetModes, word))
	case !v.misspelt(resetModes...):
		v.missing("none, known or any", "reset any")
		return
	}
	if at := v.terms; len(at) > 0 && at[0].text() == "revoke" {
		v.takeWord("revoke")
		if r.Revoke = true; ok && r.Mode == ResetNone {
			v.p.add(CodeSyntax, at[0].span(), "`reset none` has nothing to `revoke`").hint("reset any revoke")
		}
		return
	}
	v.misspelt("revoke")
}

func (v *values) steps(steps *[]Step) {
	if len(v.terms) == 0 || v.terms[0].isWord() {
		v.missing("steps", v.word+" 1003 1002 1001")
		return
	}
	for term, ok := v.next(); ok; term, ok = v.next() {
		if s, ok := v.p.step(term); ok {
			*steps = append(*steps, s)
		}
	}
	v.p.fewSteps(*steps)
}

// per reads `/LEN` or `/LEN /LEN`.
func (v *values) per(per *Per) {
	lengths, ok := v.lengths()
	switch {
	case !ok || len(lengths) == 0 || len(lengths) > 2:
		v.terms = nil
		v.p.add(CodeSyntax, v.at, "`per` takes one or two prefix lengths").hint("per /24 /64")
	case len(lengths) == 1:
		v.p.integer(lengths[0], 33, 128, "a single length applies to IPv6 and", &per.IPv6)
	default:
		v.p.integer(lengths[0], 1, 32, "an IPv4 prefix length", &per.IPv4)
		v.p.integer(lengths[1], 1, 128, "an IPv6 prefix length", &per.IPv6)
	}
}

// lengths splits the remaining terms of `per` into the numbers after their slashes;
// false if they have another form.
func (v *values) lengths() (lengths []termNode, ok bool) {
	for term, more := v.next(); more; term, more = v.next() {
		tokens := term.Tokens
		for ; len(tokens) >= 2; tokens = tokens[2:] {
			if tokens[0].Value != "/" || tokens[1].Type != tokenNumber {
				return nil, false
			}
			lengths = append(lengths, termNode{tokens[1:2]})
		}
		if len(tokens) > 0 {
			return nil, false
		}
	}
	return lengths, true
}

func (v *values) log(l *Log) {
	if _, ok := v.takeWord(v.words...); ok || v.misspelt(v.words...) {
		return
	}
	l.On = true
	if len(v.terms) > 0 && v.terms[0].isWord() && Nearest(v.terms[0].text(), ClauseWords) == "" && !slices.Contains(SettingWords, v.terms[0].text()) && !isKept(v.terms[0].text()) {
		v.p.add(CodeString, v.terms[0].span(), "the log prefix %s needs quotes", Quote(v.terms[0].text())).hint("log %q", v.terms[0].text())
		v.terms = v.terms[1:]
		return
	}
	if len(v.terms) > 0 && v.terms[0].Tokens[0].Type == tokenString {
		term, _ := v.next()
		v.p.logPrefix(term, l)
	}
}
