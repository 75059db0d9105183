package replay

import (
	"fmt"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Check finds events that cannot be replayed: the policy does not have their knock, or
// the knock has no code that a packet could begin with. The findings are in the order of
// the trace.
func Check(t *trace.Trace, r *compiler.Result) []lang.Finding {
	var found []lang.Finding
	for _, e := range t.Events {
		name := KnockOf(&e)
		_, known := r.Symbols.Grant(name.Knock)
		f := lang.Finding{Code: lang.CodeUnknown, Severity: lang.Error}
		switch {
		case name.Knock == "":
			continue
		case !known:
			f.Message = fmt.Sprintf("the policy has no knock `%s`", name.Knock)
			f.Hint = lang.DidYouMean(name.Knock, r.Symbols.Knocks()...)
		case name.Code && !hasCode(r.Policy, name.Knock):
			f.Message = fmt.Sprintf("knock `%s` has no step with a one-time code", name.Knock)
			f.Hint = "in a policy, such a step is otp/62201"
		default:
			continue
		}
		if name.Code {
			f.Span = e.Packet.Code.Span
		} else {
			f.Span = e.Expect.Span
		}
		found = append(found, f)
	}
	return found
}

// Named is the knock that an event needs the policy to have.
type Named struct {
	Knock string // "": none
	Code  bool   // the knock must have a step with a code
}

// KnockOf is the knock that an event names.
func KnockOf(e *trace.Event) Named {
	switch {
	case e.Expect != nil:
		return Named{e.Expect.Knock, false}
	case e.Packet.Code != nil:
		return Named{e.Packet.Code.Knock, true}
	}
	return Named{}
}

func hasCode(p *lang.Policy, knock string) bool {
	return slices.ContainsFunc(p.Knocks, func(k *lang.Knock) bool { return k.Name.Text == knock && k.CodeStep() >= 0 })
}
