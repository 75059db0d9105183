package replay

import (
	"fmt"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
)

// Check finds what a trace asks for that cannot be replayed: knocks that the
// policy does not have, and what is not built yet. The findings are in the
// order of the trace.
func Check(t *trace.Trace, r *compiler.Result) []lang.Finding {
	c := checker{symbols: r.Symbols}
	for _, e := range t.Events {
		if e.Expect != nil {
			c.expect(e.Expect)
		} else {
			c.packet(e.Packet)
		}
	}
	lang.SortFindings(c.found)
	return c.found
}

type checker struct {
	symbols *compiler.Symbols
	found   []lang.Finding
}

func (c *checker) errorf(code lang.Code, at lang.Span, hint, format string, args ...any) {
	c.found = append(c.found, lang.Finding{
		Code: code, Severity: lang.Error, Span: at, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

func (c *checker) notYet(at lang.Span, what string) {
	c.errorf(lang.CodeNotYet, at, "", "%s is part of the language, but not built yet", what)
}

func (c *checker) expect(x *trace.Expect) {
	if _, ok := c.symbols.Grant(x.Knock); !ok {
		hint := ""
		if near := lang.Nearest(x.Knock, c.symbols.Knocks()); near != "" {
			hint = fmt.Sprintf("did you mean `%s`?", near)
		}
		c.errorf(lang.CodeUnknown, x.Span, hint, "the policy has no knock `%s`", x.Knock)
	}
	if x.At != nil {
		c.notYet(x.At.Span, "`expect ... at N`")
	}
}

func (c *checker) packet(k *trace.Packet) {
	if k.Ping != nil {
		c.notYet(k.Ping.Span, "a ping")
	}
	if k.Range != nil {
		c.notYet(k.Range.Span, "a range of ports")
	}
	if k.On != nil {
		c.notYet(k.On.Span, "the interface of a packet")
	}
	if k.Unanswered != nil {
		c.notYet(*k.Unanswered, "the attribute `unanswered`")
	}
}
