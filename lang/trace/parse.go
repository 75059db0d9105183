package trace

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// Parse reads a trace. It returns what could be read and all findings, in order. The
// trace is meaningful only if none of them is an error.
func Parse(src []byte) (*Trace, []lang.Finding) {
	var p parser
	t := &Trace{}
	for text := newText(string(src)); text.rest != "" && !p.stopped(); {
		if e := p.readLine(&text); e != nil {
			t.Events = append(t.Events, *e)
			p.made = nil // the trace keeps it
		}
	}
	t.Policy, t.Start = p.named, p.epoch
	return t, p.first()
}

// MaxLine is how long a line may be, in bytes.
const MaxLine = 1 << 20

// parser reads one line after the other, and a line from left to right.
type parser struct {
	named    *Policy       // the policy that the trace names
	epoch    int64         // what a clock shows at time zero, in Unix time
	epochAt  int           // the line that says so, or 0
	now      time.Duration // of the last packet so far
	begun    bool          // a packet or an expectation came, readable or not
	findings []lang.Finding
	foreign  bool          // the text is no trace at all
	warning  *lang.Finding // the first of a kind: a long trace may have as many as lines

	line
	next int // the word of the line to read next
	made *made
}

// made is an event with everything that it may point to. Each line makes the same one
// again, so that reading allocates nothing.
type made struct {
	event                Event
	packet               Packet
	ping                 Ping
	ports                Range
	on                   lang.Name
	to                   To
	unanswered, answered lang.Span
	code                 Code
	expect               Expect
	step                 At
}

// errorf adds an error; a hint may be empty.
func (p *parser) errorf(code lang.Code, at lang.Span, hint, format string, args ...any) {
	f := lang.Finding{Code: code, Severity: lang.Error, Span: at, Message: fmt.Sprintf(format, args...), Hint: strings.Clone(hint)}
	if word := lang.Meant(f.Hint); word != "" {
		f.Fix = lang.Edit{Span: at, Text: word}
	}
	p.findings = append(p.findings, f)
}

// warnf adds a warning, if there is none yet.
func (p *parser) warnf(code lang.Code, at lang.Span, hint, format string, args ...any) {
	if p.warning == nil {
		p.warning = &lang.Finding{Code: code, Severity: lang.Warning, Span: at, Message: fmt.Sprintf(format, args...), Hint: hint, Fix: lang.Edit{Span: at, Text: hint}}
	}
}

// stopped reports whether reading stops because of what was found so far.
func (p *parser) stopped() bool { return p.foreign || len(p.findings) > lang.MaxErrors }

// first are the findings up to where reading stopped.
func (p *parser) first() []lang.Finding {
	first, cut := lang.FirstErrors(p.findings)
	if p.warning != nil && !cut {
		first = append(slices.Clip(first), *p.warning)
		lang.SortFindings(first)
	}
	return first
}

// isForeign says that the text is no trace at all.
func (p *parser) isForeign(code lang.Code, hint, format string, args ...any) {
	p.foreign = true
	p.errorf(code, lang.Span{Start: p.start, End: p.start}, hint, format, args...)
}

// tooLong says that a line is longer than a line may be. It may have no end.
func (p *parser) tooLong(start lang.Pos) {
	p.line = line{start: start}
	p.isForeign(lang.CodeText, "", "this line is longer than %d MiB", MaxLine>>20)
}

// readLine reads a line. It returns the event, which is valid until the next one is read,
// or nil. A line whose words are not text is not read further: what it lacks is most
// likely that.
func (p *parser) readLine(t *text) (e *Event) {
	p.begin(t)
	if len(p.text) > MaxLine {
		p.tooLong(p.start)
		return nil
	}
	if p.start.Line == 1 && p.isOther() {
		return nil
	}
	p.next = 0
	before := len(p.findings)
	bad, problem := -1, ""
	if t.faulty {
		bad, problem = lang.NotText(p.text)
	}
	if p.ahead(0) != "" && (bad < 0 || p.count() > 0 && bad > p.comment) {
		e = p.statement()
	}
	if bad >= 0 {
		p.errorf(lang.CodeText, p.place(word{bad, bad + 1}), "", "%s", problem)
	}
	if len(p.findings) > before+1 {
		lang.SortFindings(p.findings[before:])
	}
	return e
}

// isOther reports whether the first line begins a file of another kind.
func (p *parser) isOther() bool {
	kind, instead := lang.Foreign(p.text)
	if kind != "" {
		p.isForeign(lang.CodeText, instead, "this is %s, not a trace", kind)
	}
	return kind != ""
}

func (p *parser) statement() *Event {
	switch {
	case p.is(0, "policy"):
		p.policy()
	case p.is(0, "start"):
		p.starts()
	case !p.begun && lang.BeginsDeclaration(p.word(0)):
		p.isForeign(lang.CodeSyntax, "knockc sim -policy FILE TRACE; policies are named *.knock", "this is a policy, not a trace")
	default:
		p.begun = true
		return p.event()
	}
	return nil
}

// policy reads `policy FILE`; the name is the rest of the line, or quoted.
func (p *parser) policy() {
	keyword := p.span(0)
	switch {
	case p.named != nil:
		p.errorf(lang.CodeDuplicate, keyword, "leave one of them out", "the policy was already named in line %d", p.named.Span.Start.Line)
		return
	case p.begun:
		p.errorf(lang.CodeSyntax, keyword, "move it to the top", "`policy` must come before the first packet")
		return
	case p.count() == 1:
		p.errorf(lang.CodeSyntax, keyword, "policy ssh.knock", "`policy` names no file")
		return
	}
	file, span := p.from(1), p.span(1).To(p.span(p.count()))
	if strings.HasPrefix(file, `"`) {
		if p.count() > 2 || !strings.HasSuffix(file, `"`) || len(file) < 3 {
			p.errorf(lang.CodeSyntax, span, `policy "my policy.knock"`, "nothing can follow the second quote of a file name")
			return
		}
		file = strings.Trim(file, `"`)
	}
	p.named = &Policy{strings.Clone(file), span}
}

// event reads a packet or an expectation with its time; nil if it has a fault.
func (p *parser) event() *Event {
	before := len(p.findings)
	timed := p.time()
	if !timed && !p.eventAt(p.next) {
		return nil
	}
	if p.made == nil {
		p.made = &made{}
	}
	e := &p.made.event
	e.At, e.Packet, e.Expect = p.now, nil, nil
	if p.is(p.next, "expect") {
		e.Expect = p.expect()
	} else {
		e.Packet = p.packet()
	}
	if timed && e.Packet != nil && e.Packet.Range != nil {
		p.scanned(e)
	}
	if len(p.findings) > before {
		return nil
	}
	p.all(&e.Span)
	return e
}

// eventAt reports whether word i looks like the start of a packet or an
// expectation.
func (p *parser) eventAt(i int) bool { return p.word(i) == "expect" || p.word(i+1) == "->" }

// scanned goes on to the time of a range's last packet.
func (p *parser) scanned(e *Event) {
	r := e.Packet.Range
	if r.Lasts() > math.MaxInt64-p.now {
		p.errorf(lang.CodeTime, r.Span, "", "the last packet of %s goes beyond 292 years", lang.Quote(r.String()))
		return
	}
	p.now = e.Last()
}

// time reads the time that a line begins with. It is false if the time cannot
// be told; what follows it is then the next word.
func (p *parser) time() bool {
	at, relative, err := p.timeText()
	if err == lang.ErrNoDuration {
		p.noTime()
		return false
	}
	p.next++
	switch {
	case err != nil:
		p.errorf(lang.CodeTime, p.span(0), timeHint(p.word(0)), "the time %s %v", lang.Quote(p.word(0)), err)
		return false
	case relative && at > math.MaxInt64-p.now:
		p.errorf(lang.CodeTime, p.span(0), "", "the time goes beyond 292 years")
		return false
	case relative:
		at += p.now
	case at < p.now:
		p.errorf(lang.CodeTime, p.span(0), "0s and 1.5s count from the start, +0s and +1.5s from the line before",
			"time runs backwards: the line before ends at %s", lang.FormatDuration(p.now))
	}
	// Even backwards, so that the lines after it are not compared with a time that
	// was mistyped.
	p.now = at
	return true
}

// timeText reads what a line begins with as a time.
func (p *parser) timeText() (at time.Duration, relative bool, err error) {
	text := p.ahead(0)
	relative = strings.HasPrefix(text, "+")
	sign := 0
	if relative {
		sign = 1
	}
	if at, n := lang.TimePrefix(text[sign:]); n > 0 && p.take(sign+n) {
		return at, relative, nil
	}
	at, err = lang.ParseTime(strings.TrimPrefix(p.word(0), "+"))
	return at, relative, err
}

// noTime says what is wrong with a line that does not begin with a time.
func (p *parser) noTime() {
	first := p.word(0)
	hint := "a line begins with a time: 0s, 1.5s, +200ms"
	if !p.eventAt(0) {
		hint = cmp.Or(lineHint(first, p.word(1)), lang.DidYouMean(first, "policy", "start"), hint)
		p.next++
	}
	p.errorf(lang.CodeTime, p.span(0), hint, "expected a time, found %s", lang.Quote(first))
}
