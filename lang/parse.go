package lang

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Parse reads a policy. It always returns a tree, which holds what could be read, and
// all findings about the text in order. The tree is meaningful only if none of them is
// an error. [Check] says whether its parts fit together.
func Parse(src []byte) (*Policy, []Finding) {
	f := readFile(src)
	return f.policy, f.found
}

// file is a policy file in all its forms.
type file struct {
	tokens       []lexer.Token // without comments
	comments     []lexer.Token
	declarations [][]lexer.Token
	policy       *Policy
	found        []Finding
}

func readFile(src []byte) file {
	if found := noPolicy(src); found != nil {
		return file{policy: &Policy{stopped: true}, found: found}
	}
	var f file
	p := &parser{names: map[string]Span{}}
	p.policy.Settings = Settings{Table: DefaultTable, Size: DefaultSize, Given: map[Setting]Span{}}
	p.policy.flawedAt = map[int]bool{}
	p.policy.begin = Span{Pos{Line: 1, Column: 1}, Pos{Line: 1, Column: 1}}
	d := declarations{scanner: newScanner(src)}
	for declaration := d.next(); declaration != nil && !p.full(); declaration = d.next() {
		f.declarations = append(f.declarations, declaration)
		p.declaration(declaration)
	}
	f.tokens, f.comments = d.scanner.tokens, d.scanner.comments
	if len(f.declarations) > 0 {
		p.policy.begin = tokenSpan(f.declarations[0][0])
	}
	p.findings = append(d.scanner.found, p.findings...)
	if s := &p.policy.Settings; s.priorityAt == (Span{}) {
		s.Priority = s.Hook.UsualPriority()
	}
	for _, k := range p.policy.Knocks {
		k.Clauses.complete(&p.policy.Defaults)
		k.flawed = p.policy.flawedAt[k.Span.Start.Offset]
	}
	p.ignores(f.comments, f.declarations)
	SortFindings(p.findings)
	f.found, p.policy.stopped = FirstErrors(p.findings)
	f.policy = &p.policy
	return f
}

// parser turns declarations into a Policy.
type parser struct {
	findings
	policy Policy
	names  map[string]Span // of the knocks so far
	unsaid Finding         // the latest that was not added
}

// full reports whether there are more errors than are shown.
func (p *parser) full() bool { return len(p.findings) > MaxErrors }

// add adds a finding, unless there are enough errors.
func (p *parser) add(code Code, at Span, format string, args ...any) *Finding {
	if p.full() {
		return &p.unsaid
	}
	return p.findings.add(code, at, format, args...)
}

// declaration reads one declaration. Where it holds text that is no token, what
// seems to be missing is most likely that.
func (p *parser) declaration(all []lexer.Token) {
	tokens := all
	if slices.ContainsFunc(all, isBad) {
		tokens = slices.DeleteFunc(slices.Clone(all), isBad)
	}
	if len(tokens) == 0 {
		return
	}
	before := len(p.findings)
	p.parse(tokens)
	if len(p.findings) > before || len(tokens) < len(all) {
		p.policy.flawedAt[tokens[0].Pos.Offset] = true
	}
	if len(tokens) < len(all) {
		said := slices.DeleteFunc(p.findings[before:], func(f Finding) bool { return f.Code == CodeSyntax || f.Code == CodeUnclosed })
		p.findings = p.findings[:before+len(said)]
	}
}

func isBad(t lexer.Token) bool { return t.Type == tokenBad }

func (p *parser) parse(tokens []lexer.Token) {
	grammars := newGrammars()
	switch first := tokens[0]; {
	case first.Type == tokenKnock:
		p.knock(parsed(grammars.knock, tokens), tokens)
	case first.Value == SettingDefaults.String():
		p.defaultsSetting(parsed(grammars.defaults, tokens))
	default:
		p.setting(parsed(grammars.setting, tokens), tokensSpan(tokens))
	}
}

func (p *parser) knock(n *knockNode, tokens []lexer.Token) {
	p.policy.hasKnock = true
	k := &Knock{Span: tokenSpan(n.Keyword).To(tokenSpan(tokens[len(tokens)-1]))}
	if !p.knockName(n, k) || !p.knockShape(n, k) {
		return
	}
	k.Steps = make([]Step, 0, len(n.Steps.Terms))
	for _, term := range n.Steps.Terms {
		if term.isWord() {
			p.wordAmongSteps(term, n)
			break
		}
		if s, ok := p.step(term); ok {
			k.Steps = append(k.Steps, s)
		}
	}
	p.fewSteps(k.Steps)
	for i, term := range n.Services.Terms {
		if term.isWord() && (i > 0 || isKept(term.text())) || term.isMisspeltPer() {
			p.unknownClauses(n.Services.Terms[i:])
			break
		}
		if s, ok := p.service(term); ok {
			k.Services = append(k.Services, s)
		}
	}
	p.clauses(n.Clauses.Clauses, &k.Clauses)
	p.policy.Knocks = append(p.policy.Knocks, k)
}

// wordAmongSteps says what is wrong with a word where a step should be. Without
// an arrow it most likely is a misspelt clause.
func (p *parser) wordAmongSteps(term termNode, n *knockNode) {
	if n.Arrow == nil && Nearest(term.text(), ClauseWords) != "" {
		p.unknownClause(term)
		return
	}
	p.step(term)
}

// fewSteps holds a sequence to the number of steps that it may have.
func (p *parser) fewSteps(steps []Step) {
	if len(steps) > MaxSteps {
		p.add(CodeNumber, steps[MaxSteps].Span, "a sequence of %d steps is too long: at most %d are allowed", len(steps), MaxSteps)
	}
}

// knockName reads the name; without one there is nothing to go on with.
func (p *parser) knockName(n *knockNode, k *Knock) bool {
	if n.Name == nil {
		p.add(CodeSyntax, tokenSpan(n.Keyword), "`knock` has no name").hint("knock NAME < STEPS -> SERVICES >")
		return false
	}
	k.Name = Name{n.Name.Value, tokenSpan(*n.Name)}
	if problem := nameProblem(k.Name.Text); problem != "" {
		p.add(CodeName, k.Name.Span, "%s is not a name: %s", Quote(k.Name.Text), problem)
		return true
	}
	if first, ok := p.names[k.Name.Text]; ok {
		p.add(CodeDuplicate, k.Name.Span, "knock %s was already declared in line %d", Quote(k.Name.Text), first.Start.Line).
			hint("give one of them another name")
		return true
	}
	p.names[k.Name.Text] = k.Name.Span
	return true
}

// knockShape says which of the tokens that hold a knock together is missing:
// the first one only, as the others may be no more than its consequence. It is
// false if the rest would only be guessed at.
func (p *parser) knockShape(n *knockNode, k *Knock) bool {
	name := Quote(k.Name.Text)
	if n.Open == nil {
		p.add(CodeSyntax, k.Name.Span, "knock %s has no `<` after its name", name).
			hint("knock %s < STEPS -> SERVICES >", k.Name.Text)
		return false
	}
	header := tokenSpan(n.Keyword).To(tokenSpan(*n.Open))
	switch {
	case n.Arrow == nil && n.Close != nil && len(n.Rest) > 0:
		p.add(CodeSyntax, tokenSpan(*n.Close), "`>` is in the place of the `->` of knock %s", name).hint("->")
		return false
	case len(n.Rest) > 0:
		p.stray(n.Rest[0], "a body is STEPS -> SERVICES CLAUSES")
	case n.Close == nil:
		p.add(CodeUnclosed, header, "knock %s has no closing `>`", name).hint("end its body with >")
	case len(n.Steps.Terms) == 0:
		p.add(CodeSyntax, header, "knock %s has no steps", name).
			hint("write the ports to knock at, in order, before `->`")
	case n.Arrow == nil:
		p.add(CodeSyntax, header, "knock %s has no `->` between its steps and its services", name).
			hint("knock %s < STEPS -> SERVICES >", k.Name.Text)
	case len(n.Services.Terms) == 0:
		p.add(CodeSyntax, tokenSpan(*n.Arrow), "knock %s has no service after its `->`", name).
			hint("write the ports that it opens, such as 22")
	}
	return true
}

// stray says that a token cannot stand where it is.
func (p *parser) stray(t lexer.Token, hint string) {
	p.add(CodeSyntax, tokenSpan(t), "%s does not belong here", Quote(t.Value)).hint("%s", hint)
}

// unknownClauses says of each plain word in what follows the last clause that
// it is none. What is no word, or a value that clauses have, belongs to the word
// before it.
func (p *parser) unknownClauses(terms []termNode) {
	for i, term := range terms {
		switch {
		case term.isMisspeltPer():
			p.unknownClause(termNode{term.Tokens[:1]})
		case !term.isWord() || i > 0 && slices.Contains(clauseValues, term.text()):
		default:
			p.unknownClause(term)
			if slices.Contains(SettingWords, term.text()) {
				return // the words after it are the setting's
			}
		}
	}
}

func isKept(word string) bool { return kept[word] != "" }

func (p *parser) keptWord(at Span, word string) {
	p.add(CodeKept, at, "`%s` is reserved: %s", word, kept[word]).hint("leave it out; `at` guards a service behind this host")
}

// unknownClause is a plain word where a clause could be.
func (p *parser) unknownClause(term termNode) {
	word := term.text()
	switch {
	case isKept(word):
		p.keptWord(term.span(), word)
	case slices.Contains(SettingWords, word):
		f := p.add(CodeUnknown, term.span(), "%s is a setting and belongs outside of knocks", Quote(word))
		if meant := otherClauses[word]; meant != "" {
			f.meant(meant)
		}
	default:
		f := p.add(CodeUnknown, term.span(), "unknown clause %s", Quote(word))
		if meant := otherClauses[strings.ToLower(word)]; meant != "" {
			f.meant(meant)
		} else if !f.didYouMean(word, ClauseWords) {
			f.hint("clauses are %s", strings.Join(ClauseWords, " "))
		}
	}
}
