package lang

import (
	"strings"
)

const openForm = "open SERVICES from PREFIXES on INTERFACES"

// open reads `open SERVICES from PREFIXES on INTERFACES`. One with errors is left out:
// without a part of it, it could seem to admit more than it says.
func (p *parser) open(n *settingNode, span Span) {
	before := len(p.findings)
	o := Open{Span: span}
	v := &values{p, n.Keyword.Value, tokenSpan(n.Keyword), nil, n.Values.Terms}
	clauses := n.Clauses.Clauses
	if n.Name != nil { // a clause's word where the services are missing
		v.terms, clauses = nil, append([]clauseNode{{*n.Name, n.Values}}, clauses...)
	}
	v.openServices(&o.Services)
	given := map[Clause]Span{}
	for _, c := range clauses {
		if !p.openClause(c, &o, given) {
			break
		}
	}
	if len(n.Rest) > 0 {
		p.stray(n.Rest[0], openForm)
	}
	if len(p.findings) == before {
		p.policy.Settings.Open = append(p.policy.Settings.Open, o)
	}
}

// openServices reads the services. At a word that is none it stops: what follows
// belongs to that word.
func (v *values) openServices(services *[]Service) {
	if len(v.terms) == 0 {
		v.missing("services", "open 80 udp/123")
	}
	for i := 0; len(v.terms) > 0 && !v.misspeltInOpen(); i++ {
		term := v.terms[0]
		v.terms = v.terms[1:]
		clause := clauseOfPeer(term)
		switch {
		case clause != "":
			v.p.add(CodePort, term.span(), "%s is not a service", Quote(term.text())).hint("%s %s", clause, Printable(term.text()))
		case i > 0 && term.isWord():
			v.p.add(CodePort, term.span(), "%s is not a service", Quote(term.text())).hint(openForm)
		default:
			if s, ok := v.p.service(term); ok {
				*services = append(*services, s)
			}
			continue
		}
		v.terms = nil
	}
}

// clauseOfPeer is the clause of `open` that a value can only be meant for; "" if it is
// no address and no interface.
func clauseOfPeer(term termNode) string {
	first := term.Tokens[0]
	isWord := first.Type == tokenWord
	switch {
	case first.Type == tokenNumber && strings.ContainsAny(first.Value, ".:"), isWord && strings.Contains(first.Value, ":"):
		return "from"
	case first.Type == tokenString, isWord && len(term.Tokens) == 1 && !term.isWord():
		return "on"
	}
	return ""
}

// openClause reads a clause of an `open`; false if it has none such.
func (p *parser) openClause(c clauseNode, o *Open, given map[Clause]Span) bool {
	word, at := c.Keyword.Value, tokenSpan(c.Keyword)
	clause, ok := clauseOf(word)
	if !ok || clauses[clause].place != inOpen {
		p.add(CodeSyntax, at, "`open` takes `from` and `on`, not `%s`", word).hint(openForm)
		return false
	}
	if first, ok := given[clause]; ok {
		p.add(CodeDuplicate, at, "`%s` was already given in line %d", word, first.Start.Line).hint("leave one of them out")
		return true
	}
	given[clause] = at
	before := len(p.findings)
	v := &values{p, word, at, nil, c.Values.Terms}
	if clause == ClauseFrom {
		v.prefixes(&o.From, "192.0.2.0/24 2001:db8::/32")
	} else {
		v.ifaces(&o.On)
	}
	if len(v.terms) > 0 && len(p.findings) == before && !v.misspeltInOpen() {
		p.stray(v.terms[0].Tokens[0], openForm)
	}
	return true
}

// misspeltInOpen takes all that is left if it begins with what most likely was meant
// to be a clause of `open`, or to begin another declaration.
func (v *values) misspeltInOpen() bool {
	if len(v.terms) == 0 || !v.terms[0].isWord() {
		return false
	}
	word := v.terms[0].text()
	if hint := DidYouMean(word, openWords...); hint != "" {
		v.p.add(CodeUnknown, v.terms[0].span(), "unknown word %s in `open`", Quote(word)).Hint = hint
		v.terms = nil
		return true
	}
	return v.misspeltSetting()
}
