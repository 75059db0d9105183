package lang

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// ignoreWord begins a comment that silences a finding about the declaration that
// it stands in, or right above: `# knockc:ignore K103 we are never scanned`.
const ignoreWord = "knockc:ignore"

// ignore is such a comment.
type ignore struct {
	code        Code
	span        Span // of the comment
	declaration Span
}

// ignores finds the comments that silence something, in a file cut into
// declarations. It goes backwards, so that it knows the declaration that begins
// right below a comment and those under it.
func (p *parser) ignores(comments []lexer.Token, declarations [][]lexer.Token) {
	below, belowLine := Span{}, 0 // the next declaration, and the line above which a comment speaks of it
	d := len(declarations) - 1
	for _, t := range slices.Backward(comments) {
		for ; d >= 0 && t.Pos.Offset <= declarations[d][0].Pos.Offset; d-- {
			below, belowLine = tokensSpan(declarations[d]), declarations[d][0].Pos.Line
		}
		line := t.Pos.Line
		var about Span
		if d >= 0 && line <= declarations[d][len(declarations[d])-1].Pos.Line {
			about = tokensSpan(declarations[d])
		} else if line+1 == belowLine {
			about, belowLine = below, line
		}
		p.ignore(t, about)
	}
}

// ignore takes note of a comment if it silences something about the declaration
// given, which is empty if there is none.
func (p *parser) ignore(t lexer.Token, about Span) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimLeft(t.Value, "#")), ignoreWord)
	if !ok {
		return
	}
	words := strings.Fields(rest)
	problem := ignoreProblem(words)
	if rest != "" && !strings.ContainsAny(rest[:1], " \t") {
		problem = "a space is missing behind `" + ignoreWord + "`"
	}
	switch {
	case problem != "":
		p.findings.add(CodeIgnore, tokenSpan(t), "this ignore silences nothing: %s", problem).hint("# %s K103 REASON", ignoreWord)
	case about == Span{}:
		p.findings.add(CodeIgnore, tokenSpan(t), "this ignore silences nothing: it does not belong to a declaration").hint("write it directly above a knock, or after it")
	default:
		p.policy.ignores = append(p.policy.ignores, ignore{Code(words[0]), tokenSpan(t), about})
	}
}

// ignoreProblem says what is wrong with what follows the mark.
func ignoreProblem(words []string) string {
	if len(words) == 0 {
		return "it gives no code"
	}
	i := slices.IndexFunc(Codes, func(m CodeMeaning) bool { return string(m.Code) == words[0] })
	switch {
	case i < 0:
		return "there is no code " + Quote(words[0])
	case Codes[i].Severity == Error:
		return "errors cannot be silenced"
	case Codes[i].Code == CodeIgnore:
		return Quote(words[0]) + " cannot be silenced"
	case len(words) == 1:
		return "it gives no reason"
	}
	return ""
}

func tokensSpan(tokens []lexer.Token) Span {
	return tokenSpan(tokens[0]).To(tokenSpan(tokens[len(tokens)-1]))
}

// silence takes out the findings that the policy's comments silence, and adds
// one for each comment that silences nothing.
func silence(p *Policy, found []Finding) []Finding {
	if len(p.ignores) == 0 {
		return found
	}
	type key struct {
		code        Code
		declaration int // its offset
	}
	ignores := map[key]int{} // how many findings each silences
	for _, ig := range p.ignores {
		ignores[key{ig.code, ig.declaration.Start.Offset}] = 0
	}
	starts := slices.Clone(p.ignores)
	slices.SortFunc(starts, func(a, b ignore) int { return a.declaration.Start.Offset - b.declaration.Start.Offset })
	left := slices.DeleteFunc(found, func(f Finding) bool {
		i, _ := slices.BinarySearchFunc(starts, f.Span.Start.Offset+1, func(ig ignore, offset int) int { return ig.declaration.Start.Offset - offset })
		if i == 0 || f.Span.Start.Offset >= starts[i-1].declaration.End.Offset {
			return false
		}
		k := key{f.Code, starts[i-1].declaration.Start.Offset}
		_, ok := ignores[k]
		if ok {
			ignores[k]++
		}
		return ok
	})
	kept := findings(left)
	for _, ig := range p.ignores {
		if k := (key{ig.code, ig.declaration.Start.Offset}); ignores[k] == 0 && !p.flawedAt[k.declaration] {
			kept.add(CodeIgnore, ig.span, "this ignore silences nothing: there is no %s here", ig.code).leaveOut()
		}
	}
	SortFindings(kept)
	return kept
}
