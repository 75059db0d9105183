package main

import (
	"bytes"
	"flag"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// compile compiles the text of a policy. The error has the findings that are as bad as
// worst or worse; without an error they are shown, as being about the named file.
func (s *streams) compile(name string, src []byte, worst lang.Severity) (*lang.Policy, *compiler.Result, error) {
	policy, found := lang.Examine(src)
	return s.compileExamined(name, src, worst, policy, found)
}

// compileToLoad is compile for rules that take the place of others. Unless the user
// wants it anyway, a policy without a knock is an error: most likely its file was cut
// short, and its rules would open what is guarded.
func (s *streams) compileToLoad(name string, src []byte, anyway bool) (*lang.Policy, *compiler.Result, error) {
	policy, found := lang.Examine(src)
	if !anyway && len(policy.Knocks) == 0 && !lang.HasErrors(found) {
		found = withoutKnock(found)
	}
	return s.compileExamined(name, src, lang.Warning, policy, found)
}

// withoutKnock are the findings about a policy without a knock, with that as an error,
// also if a comment silences it.
func withoutKnock(found []lang.Finding) []lang.Finding {
	begin := lang.Pos{Line: 1, Column: 1}
	refused := lang.Finding{
		Code: lang.CodeEmpty, Severity: lang.Error, Span: lang.Span{Start: begin, End: begin},
		Message: "this policy has no knock, so nothing would be guarded",
		Hint:    "is the file complete? To guard nothing, use -anyway",
	}
	found = slices.DeleteFunc(slices.Clone(found), func(f lang.Finding) bool {
		if f.Code == lang.CodeEmpty {
			refused.Span = f.Span
		}
		return f.Code == lang.CodeEmpty
	})
	found = append(found, refused)
	lang.SortFindings(found)
	return found
}

// anywayFlag declares the flag for a policy without a knock.
func anywayFlag(flags *flag.FlagSet, anyway *bool) {
	flags.BoolVar(anyway, "anyway", false, "allow a policy without a knock, which guards nothing")
}

func (s *streams) compileExamined(name string, src []byte, worst lang.Severity, policy *lang.Policy, found []lang.Finding) (*lang.Policy, *compiler.Result, error) {
	var result *compiler.Result
	if !lang.HasErrors(found) {
		var more []lang.Finding
		result, more = compiler.Compile(policy)
		found = append(found, more...)
	}
	shown := lang.NewFileFindings(name, bytes.NewReader(src), lang.AtLeast(worst, found))
	if result == nil {
		return nil, nil, shown
	}
	shown.Render(s.err, s.errColor)
	return policy, result, nil
}
