package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// setting reads a setting other than `defaults`.
func (p *parser) setting(n *settingNode, span Span) {
	word, at := n.Keyword.Value, tokenSpan(n.Keyword)
	setting, ok := settingOf(word)
	if !ok {
		p.notADeclaration(n)
		return
	}
	if !p.settingOnce(setting, at) {
		return
	}
	if n.Name != nil && setting != SettingTable && setting != SettingOpen {
		p.strayClause(*n.Name)
		return
	}
	s := &p.policy.Settings
	v := &values{p, word, at, settings[setting].values, n.Values.Terms}
	switch setting {
	case SettingOpen:
		p.open(n, span)
		return
	case SettingTable:
		p.table(n, v)
	case SettingHook:
		if v.choice() == HookInput.String() {
			s.Hook = HookInput
		}
	case SettingPriority:
		v.priority(s)
	case SettingSize:
		v.integer(1, 1<<24, "a size", DefaultSize, &s.Size)
	case SettingDefault:
		s.DefaultDrop = v.choice() == "drop"
	case SettingRefuse:
		s.RefuseReject = v.choice() == "reject"
	case SettingTrust:
		v.peers(s)
	default:
		panic("nothing reads the setting " + word)
	}
	p.settingEnd(n, v)
}

// notADeclaration is anything else where a declaration should begin.
func (p *parser) notADeclaration(n *settingNode) {
	p.policy.hasKnock = true // this may have been meant as one
	word := n.Keyword.Value
	if isKept(word) {
		p.keptWord(tokenSpan(n.Keyword), word)
		return
	}
	if clause, ok := clauseOf(word); ok {
		p.add(CodeUnknown, tokenSpan(n.Keyword), "%s is a clause and belongs in %s", Quote(word), clauses[clause].place)
		return
	}
	f := p.add(CodeUnknown, tokenSpan(n.Keyword), "expected `knock` or a setting, found %s", Quote(word))
	switch meant := otherSettings[strings.ToLower(word)]; {
	case word == "/" || word == "-":
		f.hint("a comment begins with #")
	case slices.Contains(noIncludes, strings.ToLower(word)):
		f.hint("a policy is one file: write all knocks into it")
	case len(n.Values.Terms) == 0 && len(n.Rest) > 0 && n.Rest[0].Value == "<" && IsName(word):
		f.hint("knock %s <", word)
	case meant != "":
		f.meant(meant)
	case !f.didYouMean(word, slices.Concat(declarationWords, openWords)):
		f.hint("settings are %s", strings.Join(SettingWords, " "))
	}
}

// strayClause says that a clause cannot stand where it is.
func (p *parser) strayClause(t lexer.Token) {
	place := inKnocks
	if clause, ok := clauseOf(t.Value); ok {
		place = clauses[clause].place
	}
	p.stray(t, fmt.Sprintf("`%s` belongs in %s", t.Value, place))
}

// settingOnce notes that a setting is given; false if it was already and cannot be
// given again.
func (p *parser) settingOnce(setting Setting, at Span) bool {
	given := p.policy.Settings.Given
	first, ok := given[setting]
	switch {
	case !ok:
		given[setting] = at
	case setting != SettingOpen:
		p.add(CodeDuplicate, at, "`%s` was already given in line %d", setting, first.Start.Line).hint("leave one of them out")
		return false
	}
	return true
}

// settingEnd reports what is left over after a setting.
func (p *parser) settingEnd(n *settingNode, v *values) {
	switch {
	case v.misspeltSetting():
	case len(v.terms) > 0:
		p.add(CodeSyntax, v.terms[0].span(), "unexpected %s after `%s`", Quote(v.terms[0].text()), v.word)
	case len(n.Clauses.Clauses) > 0:
		p.strayClause(n.Clauses.Clauses[0].Keyword)
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
		p.add(CodeName, tokenSpan(*token), "%s is a keyword of nft and cannot be the name of a table", Quote(name)).hint("%s", tableHint(name, v.terms))
		v.terms = nil // the rest of how nft writes it
	default:
		p.policy.Settings.Table = name
	}
}

// defaultsSetting reads `defaults < CLAUSES >`.
func (p *parser) defaultsSetting(n *defaultsNode) {
	at := tokenSpan(n.Keyword)
	if !p.settingOnce(SettingDefaults, at) {
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
		(&values{p, n.Keyword.Value, at, nil, n.Words.Terms}).end()
	}
	p.clauses(n.Clauses.Clauses, &p.policy.Defaults)
	for clause := range clauses {
		if span, ok := p.policy.Defaults.Given[Clause(clause)]; ok && clauses[clause].place != inDefaults {
			p.add(CodeUnknown, span, "`%s` cannot be a default", Clause(clause)).hint("defaults can give %s", strings.Join(defaultWords, " "))
		}
	}
}

// choice reads one of the words that the setting can have.
func (v *values) choice() string {
	word, ok := v.takeWord(v.words...)
	if !ok && !v.misspelt(v.words...) {
		v.missing(strings.Join(v.words, " or "), v.word+" "+v.words[1])
	}
	return word
}

func (v *values) integer(low, high int, what string, usual int, n *int) bool {
	term, ok := v.next()
	if !ok {
		v.missing("a number", fmt.Sprintf("%s %d", v.word, usual))
		return false
	}
	return v.p.integer(term, low, high, what, n)
}

// priority reads the number; whether it suits the hook is for [Check] to say.
func (v *values) priority(s *Settings) {
	var at Span
	if len(v.terms) > 0 {
		at = v.terms[0].span()
	}
	var n int
	if v.integer(-1<<31, 1<<31-1, "a priority", PreroutingPriority, &n) {
		s.Priority, s.priorityAt = int32(n), at
	}
}

// misspeltSetting takes all that is left if it begins with what most likely was
// meant to begin another declaration.
func (v *values) misspeltSetting() bool {
	if len(v.terms) == 0 || !v.terms[0].isWord() {
		return false
	}
	word := v.terms[0].text()
	hint := DidYouMean(word, declarationWords...)
	if hint == "" {
		return false
	}
	v.p.add(CodeUnknown, v.terms[0].span(), "unknown setting %s", Quote(word)).Hint = hint
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

// tableHint is a name for a table instead of a keyword. Other names that follow a family, as
// nft writes it, may be those of tables that are there.
func tableHint(keyword string, rest []termNode) string {
	if len(rest) > 0 && slices.Contains(families, keyword) && rest[0].text() == DefaultTable {
		return "table " + DefaultTable
	}
	return keyword + "_knock"
}
