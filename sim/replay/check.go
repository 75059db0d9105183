package replay

import (
	"fmt"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Check finds expectations that cannot be replayed, because the policy does not have
// the knock. The findings are in the order of the trace.
func Check(t *trace.Trace, r *compiler.Result) []lang.Finding {
	var found []lang.Finding
	for _, e := range t.Events {
		if e.Expect == nil {
			continue
		}
		name := e.Expect.Knock
		if _, ok := r.Symbols.Grant(name); ok {
			continue
		}
		f := lang.Finding{
			Code: lang.CodeUnknown, Severity: lang.Error, Span: e.Expect.Span,
			Message: fmt.Sprintf("the policy has no knock `%s`", name),
		}
		if near := lang.Nearest(name, r.Symbols.Knocks()); near != "" {
			f.Hint = fmt.Sprintf("did you mean `%s`?", near)
		}
		found = append(found, f)
	}
	return found
}
