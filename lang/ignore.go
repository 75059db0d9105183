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
// declarations.
func (p *parser) ignores(tokens []lexer.Token, declarations [][]lexer.Token) {
	for _, t := range tokens {
		rest, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimLeft(t.Value, "#")), ignoreWord)
		if t.Type != tokenComment || !ok {
			continue
		}
		words := strings.Fields(rest)
		problem := ignoreProblem(words)
		if rest != "" && !strings.ContainsAny(rest[:1], " \t") {
			problem = "a space is missing behind `" + ignoreWord + "`"
		}
		span, ok := declarationOf(t, tokens, declarations)
		switch {
		case problem != "":
			p.add(CodeIgnore, tokenSpan(t), "this ignore silences nothing: %s", problem).hint("# %s K103 REASON", ignoreWord)
		case !ok:
			p.add(CodeIgnore, tokenSpan(t), "this ignore silences nothing: it stands by no declaration").hint("write it right above a knock, or behind it")
		default:
			p.policy.ignores = append(p.policy.ignores, ignore{Code(words[0]), tokenSpan(t), span})
		}
	}
}

// ignoreProblem says what is wrong with what follows the mark.
func ignoreProblem(words []string) string {
	if len(words) == 0 {
		return "it names no code"
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

// declarationOf finds the declaration that a comment speaks of: the one that it
// stands in or behind, or the one that begins right below it and the comments
// under it.
func declarationOf(comment lexer.Token, tokens []lexer.Token, declarations [][]lexer.Token) (Span, bool) {
	line := comment.Pos.Line
	for _, d := range declarations {
		if d[0].Pos.Line <= line && line <= d[len(d)-1].Pos.Line {
			return tokensSpan(d), true
		}
	}
	next, _ := slices.BinarySearchFunc(tokens, comment.Pos.Offset, func(t lexer.Token, offset int) int { return t.Pos.Offset - offset })
	for next++; next < len(tokens) && tokens[next].Type == tokenComment && tokens[next].Pos.Line == line+1; next++ {
		line++
	}
	for _, d := range declarations {
		if d[0].Pos.Line == line+1 {
			return tokensSpan(d), true
		}
	}
	return Span{}, false
}

func tokensSpan(tokens []lexer.Token) Span {
	return tokenSpan(tokens[0]).To(tokenSpan(tokens[len(tokens)-1]))
}

// silence takes out the findings that the policy's comments silence, and adds
// one for each comment that silences nothing.
func silence(p *Policy, found []Finding) []Finding {
	for _, ig := range p.ignores {
		before := len(found)
		found = slices.DeleteFunc(found, func(f Finding) bool {
			return f.Code == ig.code && ig.declaration.Start.Offset <= f.Span.Start.Offset && f.Span.Start.Offset < ig.declaration.End.Offset
		})
		if len(found) == before && !p.flawedIn(ig.declaration) {
			fs := findings(found)
			fs.add(CodeIgnore, ig.span, "this ignore silences nothing: there is no %s here", ig.code).hint("leave it out")
			found = fs
		}
	}
	SortFindings(found)
	return found
}

// flawedIn reports whether a declaration could not be read whole, so that not
// all is known about it.
func (p *Policy) flawedIn(declaration Span) bool {
	return slices.ContainsFunc(p.Knocks, func(k *Knock) bool {
		return k.flawed && k.Span.Start.Offset == declaration.Start.Offset
	})
}
