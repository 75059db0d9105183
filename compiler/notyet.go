package compiler

import (
	"slices"

	"knockc/lang"
)

// built are the clauses and settings that the compiler gives a meaning to.
var built = []string{"within", "grant", "defaults"}

// notYet finds what the language has and the compiler does not know yet.
func notYet(p *lang.Policy) []lang.Finding {
	var found []lang.Finding
	add := func(at lang.Span, what string) {
		found = append(found, lang.Finding{
			Code: lang.CodeNotYet, Severity: lang.Error, Span: at,
			Message: what + " is part of the language, but not built yet",
		})
	}
	for word, at := range p.Settings.Given {
		if !slices.Contains(built, word) {
			add(at, "the setting `"+word+"`")
		}
	}
	for _, k := range p.Knocks {
		for word, at := range k.Given {
			if !slices.Contains(built, word) {
				add(at, "the clause `"+word+"`")
			}
		}
		if k.Grant == lang.Forever {
			add(k.Name.Span, "`grant forever`")
		}
		for _, s := range k.Steps {
			if s.Proto == lang.Ping {
				add(s.Span, "the step `ping`")
			}
		}
	}
	for word, at := range p.Defaults.Given {
		if !slices.Contains(built, word) {
			add(at, "the default `"+word+"`")
		}
	}
	lang.SortFindings(found)
	return found
}
