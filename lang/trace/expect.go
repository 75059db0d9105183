package trace

import "example.org/knockc/lang"

const expectForm = "expect KNOCK open for 192.0.2.7"

// expect reads `expect KNOCK (open|closed|at N) for SOURCE`. It returns what
// could be read.
func (p *parser) expect() *Expect {
	x := &p.made.expect
	*x = Expect{}
	p.next++
	name := p.word(p.next)
	if !lang.IsName(name) {
		p.errorf(lang.CodeName, p.span(p.next), expectForm, "expected a knock's name, %s", p.found(p.next))
		if p.word(p.next+1) == "" {
			return x
		}
	}
	x.Knock, x.Span = name, p.span(p.next)
	p.next++
	if p.state(x) && p.expectSource(x) {
		p.expectEnd()
	}
	return x
}

// state reads what must hold; false if the rest would only be guessed at.
func (p *parser) state(x *Expect) bool {
	text := p.word(p.next)
	switch text {
	case "open":
		x.State = Open
	case "closed":
		x.State = Closed
	case "at":
		return p.at(x)
	default:
		p.errorf(lang.CodeSyntax, p.span(p.next), stateHint(text),
			"expected `open`, `closed` or `at`, %s", p.found(p.next))
		if text != "for" {
			p.next++
		}
		return p.word(p.next) == "for"
	}
	p.next++
	return true
}

// at reads `at N`; false if the rest would only be guessed at.
func (p *parser) at(x *Expect) bool {
	const form = "expect KNOCK at 2 for 192.0.2.7"
	keyword := p.span(p.next)
	p.next++
	text := p.word(p.next)
	if text == "" || text == "for" {
		p.errorf(lang.CodeSyntax, p.span(p.next), form, "expected the number of a step after `at`, %s", p.found(p.next))
		return text == "for"
	}
	step, problem := number(text, maxStep)
	if problem != "" {
		p.errorf(lang.CodeNumber, p.span(p.next), form, "%s is not the number of a step: %s", lang.Quote(text), problem)
	}
	p.made.step = At{int(step), keyword.To(p.span(p.next))}
	x.At = &p.made.step
	p.next++
	return problem == "" || p.word(p.next) == "for"
}

// maxStep is more than any sequence is long.
const maxStep = 1<<31 - 1

// expectSource reads `for SOURCE`; false if there is none.
func (p *parser) expectSource(x *Expect) bool {
	if p.word(p.next) == "for" {
		p.next++
	} else {
		p.errorf(lang.CodeSyntax, p.span(p.next), expectForm, "expected `for` and a source, %s", p.found(p.next))
		return false
	}
	text, at := p.word(p.next), p.span(p.next)
	p.next++
	if text == "" || text == "=>" {
		p.errorf(lang.CodeSyntax, at, expectForm, "expected a source after `for`, %s", p.found(p.next-1))
		return false
	}
	addr, problem := lang.ParseAddr(text)
	if problem != "" {
		if host, port, _ := lang.ParseSource(text); port != 0 {
			p.errorf(lang.CodeAddress, at, host.String(), "%s has a port, but a door opens for an address", lang.Quote(text))
		} else {
			p.errorf(lang.CodeAddress, at, "", "%s %s", lang.Quote(text), problem)
		}
	}
	x.Src = addr
	return true
}

// expectEnd holds the end of an expectation to be the end of the line.
func (p *parser) expectEnd() {
	switch p.word(p.next) {
	case "":
	case "=>":
		p.errorf(lang.CodeSyntax, p.span(p.next), "leave it out", "an expectation has no verdict, found `=>`")
	default:
		p.errorf(lang.CodeSyntax, p.span(p.next), "", "nothing can follow the source of an expectation, %s", p.found(p.next))
	}
}
