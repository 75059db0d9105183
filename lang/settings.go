package lang

import (
	"fmt"
	"slices"
	"strings"
)

// setting reads a setting other than `defaults`.
func (p *parser) setting(n *settingNode) {
	word, at := n.Keyword.Value, tokenSpan(n.Keyword)
	if !slices.Contains(SettingWords, word) {
		p.notADeclaration(n)
		return
	}
	if !p.settingOnce(word, at) {
		return
	}
	s := &p.policy.Settings
	v := &values{p, word, at, n.Values.Terms}
	switch word {
	case "table":
		p.table(n, v)
	case "priority":
		var priority int
		v.integer(-1<<31, 1<<31-1, "a priority", InputPriority, &priority)
		s.Priority = int32(priority)
	case "size":
		v.integer(1, 1<<24, "a size", DefaultSize, &s.Size)
	case "default":
		s.DefaultDrop = v.choice("accept", "drop") == "drop"
	case "refuse":
		word := v.choice("drop", "reject")
		s.RefuseReject, s.refuseDrop = word == "reject", word == "drop"
	case "open":
		o := Open{Span: at}
		v.services(&o.Services)
		s.Open = append(s.Open, o)
	case "trust":
		v.peers(s)
	}
	p.settingEnd(n, v)
}

// notADeclaration is anything else where a declaration should begin.
func (p *parser) notADeclaration(n *settingNode) {
	p.policy.hasKnock = true // this may have been meant as one
	word := n.Keyword.Value
	switch {
	case isKept(word):
		p.keptWord(tokenSpan(n.Keyword), word)
		return
	case slices.Contains(ClauseWords, word):
		p.add(CodeUnknown, tokenSpan(n.Keyword), "%s is a clause, which stands in a knock or in `defaults < >`", Quote(word))
		return
	}
	f := p.add(CodeUnknown, tokenSpan(n.Keyword), "expected `knock` or a setting, found %s", Quote(word))
	if !f.didYouMean(word, append([]string{"knock"}, SettingWords...)) {
		f.hint("settings are %s", strings.Join(SettingWords, " "))
	}
}

// settingOnce notes that a setting is given; false if it was already.
func (p *parser) settingOnce(word string, at Span) bool {
	given := p.policy.Settings.Given
	if first, ok := given[word]; ok {
		p.add(CodeDuplicate, at, "`%s` was already given in line %d", word, first.Start.Line).hint("leave one of them out")
		return false
	}
	given[word] = at
	return true
}

// settingEnd says what is left over behind a setting.
func (p *parser) settingEnd(n *settingNode, v *values) {
	switch {
	case n.Name != nil && n.Keyword.Value != "table":
		p.stray(*n.Name, "clauses stand in a knock or in `defaults < >`")
	case v.misspeltSetting():
	case len(v.terms) > 0:
		p.add(CodeSyntax, v.terms[0].span(), "%s is too much after `%s`", Quote(v.terms[0].text()), v.word)
	case len(n.Rest) > 0:
		p.stray(n.Rest[0], "a knock is knock NAME < STEPS -> SERVICES >")
	}
}

func (p *parser) table(n *settingNode, v *values) {
	token := n.Name
	if token == nil {
		term, ok := v.next()
		switch {
		case ok:
			token = &term.Tokens[0]
		case len(v.terms) > 0:
			token = &v.terms[0].Tokens[0]
			v.terms = v.terms[1:]
		default:
			v.missing("a name", "table knockc")
			return
		}
	}
	name := token.Value
	switch problem := nameProblem(name); {
	case token.Type == tokenString && IsName(strings.Trim(name, `"`)):
		p.add(CodeName, tokenSpan(*token), "a table's name has no quotes").hint("table %s", strings.Trim(name, `"`))
	case problem != "":
		p.add(CodeName, tokenSpan(*token), "%s is not a name: %s", Quote(name), problem)
	case slices.Contains(nftKeywords, name):
		p.add(CodeName, tokenSpan(*token), "%s is a word of nft's own and cannot name a table", Quote(name)).hint("%s_knock", name)
	default:
		p.policy.Settings.Table = name
	}
}

// defaultsSetting reads `defaults < CLAUSES >`.
func (p *parser) defaultsSetting(n *defaultsNode) {
	at := tokenSpan(n.Keyword)
	if !p.settingOnce("defaults", at) {
		return
	}
	const form = "defaults < within 5s grant 30s >"
	switch {
	case n.Open == nil:
		p.add(CodeSyntax, at, "`defaults` has no `<`").hint(form)
		return
	case len(n.Rest) > 0:
		p.stray(n.Rest[0], form)
	case n.Close == nil:
		p.add(CodeUnclosed, at.To(tokenSpan(*n.Open)), "`defaults` has no closing `>`").hint("end its body with >")
	case len(n.Words.Terms) > 0:
		(&values{p, "defaults", at, n.Words.Terms}).end()
	}
	p.clauses(n.Clauses, &p.policy.Defaults)
	for _, word := range ClauseWords {
		if span, ok := p.policy.Defaults.Given[word]; ok && !slices.Contains(DefaultWords, word) {
			p.add(CodeUnknown, span, "`%s` cannot be a default", word).hint("defaults can give %s", strings.Join(DefaultWords, " "))
		}
	}
}

// choice reads one of two words.
func (v *values) choice(words ...string) string {
	word, ok := v.takeWord(words...)
	if !ok && !v.misspelt(words...) {
		v.missing(strings.Join(words, " or "), v.word+" "+words[1])
	}
	return word
}

func (v *values) integer(low, high int, what string, usual int, n *int) {
	term, ok := v.next()
	if !ok {
		v.missing("a number", fmt.Sprintf("%s %d", v.word, usual))
		return
	}
	v.p.integer(term, low, high, what, n)
}

func (v *values) services(services *[]Service) {
	if len(v.terms) == 0 {
		v.missing("services", "open 80 udp/123")
	}
	for ; len(v.terms) > 0 && !v.misspeltSetting(); v.terms = v.terms[1:] {
		if s, ok := v.p.service(v.terms[0]); ok {
			*services = append(*services, s)
		}
	}
}

// misspeltSetting takes all that is left if it begins with what most likely was
// meant to begin another declaration.
func (v *values) misspeltSetting() bool {
	if len(v.terms) == 0 || !v.terms[0].isWord() {
		return false
	}
	word := v.terms[0].text()
	near := Nearest(word, append([]string{"knock"}, SettingWords...))
	if near == "" {
		return false
	}
	v.p.add(CodeUnknown, v.terms[0].span(), "unknown setting %s", Quote(word)).hint("did you mean `%s`?", near)
	v.terms = nil
	return true
}

// peers reads prefixes and interfaces.
func (v *values) peers(s *Settings) {
	if len(v.terms) == 0 {
		v.missing("a prefix or an interface", "trust 10.0.0.0/8 lan0")
	}
	for ; len(v.terms) > 0 && !v.misspeltSetting(); v.terms = v.terms[1:] {
		if term := v.terms[0]; looksLikeAddress(term) {
			v.p.prefix(term, &s.TrustPrefixes)
		} else {
			v.p.iface(term, &s.TrustIfaces)
		}
	}
}
