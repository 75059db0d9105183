package trace

import (
	"time"

	"example.org/knockc/lang"
)

const startForm = "start 2026-11-28T12:00:00Z"

// starts reads `start TIME`: what a clock shows at time zero.
func (p *parser) starts() {
	keyword := p.span(0)
	switch {
	case p.epochAt > 0:
		p.errorf(lang.CodeDuplicate, keyword, "leave one of them out", "the start was already given in line %d", p.epochAt)
		return
	case p.begun:
		p.errorf(lang.CodeSyntax, keyword, "move it to the top", "`start` must come before the first packet")
		return
	case p.count() == 1:
		p.errorf(lang.CodeSyntax, keyword, startForm, "`start` has no time")
		return
	case p.count() > 2:
		p.errorf(lang.CodeSyntax, p.span(2), startForm, "nothing can follow the time of `start`, %s", p.found(2))
		return
	}
	p.epochAt = keyword.Start.Line
	const layout = "2006-01-02T15:04:05Z"
	text := p.word(1)
	t, err := time.Parse(layout, text)
	if err != nil || t.Format(layout) != text { // Parse also takes other forms of some numbers
		p.errorf(lang.CodeTime, p.span(1), startForm, "%s is not a time in UTC, in whole seconds", lang.Quote(text))
		return
	}
	p.epoch = t.Unix()
}
