package trace

import (
	"strings"
	"time"

	"example.org/knockc/lang"
)

const codeForm = "otp ssh, otp ssh -90s for an earlier code, or otp ssh +1h for a later one"

// code reads `KNOCK [+DURATION | -DURATION]` after `otp`. A knock may be called like an
// attribute.
func (p *parser) code() *Code {
	name := p.word(p.next)
	if !lang.IsName(name) {
		p.errorf(lang.CodeName, p.span(p.next), codeForm, "expected a knock's name after `otp`, %s", p.found(p.next))
		if name == "" || name == "=>" {
			return nil
		}
	}
	p.made.code = Code{Knock: name, Span: p.span(p.next)}
	p.next++
	if text := p.word(p.next); text != "" && strings.IndexByte("+-0123456789", text[0]) >= 0 {
		p.made.code.Offset = p.offset(text)
		p.next++
	}
	return &p.made.code
}

// offset reads `+DURATION` or `-DURATION`.
func (p *parser) offset(text string) time.Duration {
	d, err := lang.ParseDuration(strings.TrimLeft(text, "+-"), time.Nanosecond)
	switch {
	case err != nil:
		p.errorf(lang.CodeDuration, p.span(p.next), codeForm, "%s %v", lang.Quote(text), err)
	case text[0] == '-':
		return -d
	case text[0] != '+':
		p.errorf(lang.CodeDuration, p.span(p.next), "-"+text+" for an earlier code, +"+text+" for a later one", "%s has no sign", lang.Quote(text))
	}
	return d
}
