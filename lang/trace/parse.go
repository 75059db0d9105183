package trace

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"knockc/lang"
)

// Parse reads a trace. It returns what could be read and all findings; the
// trace means something only if none of them is an error.
func Parse(src []byte) (*Trace, []lang.Finding) {
	p := parser{trace: &Trace{}}
	text, offset := strings.CutPrefix(string(src), "\uFEFF")
	at := lang.Pos{Line: 1, Column: 1}
	if offset {
		at.Offset = len("\uFEFF")
	}
	for number := 1; text != ""; number++ {
		var lineText string
		lineText, text, _ = strings.Cut(text, "\n")
		p.line(lineText, at)
		at = lang.Pos{Offset: at.Offset + len(lineText) + 1, Line: number + 1, Column: 1}
	}
	return p.trace, p.findings
}

type parser struct {
	trace    *Trace
	now      time.Duration
	findings []lang.Finding
}

// errorf adds an error; a hint may be empty.
func (p *parser) errorf(code lang.Code, at lang.Span, hint, format string, args ...any) {
	p.findings = append(p.findings, lang.Finding{
		Code: code, Severity: lang.Error, Span: at, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

func (p *parser) line(text string, start lang.Pos) {
	l, bad := cutLine(text, start)
	switch {
	case bad >= 0:
		at := advance(start, text[:bad])
		p.errorf(lang.CodeText, lang.Span{Start: at, End: advance(at, text[bad:bad+1])}, "", "byte 0x%02x is not text", text[bad])
	case len(l.words) == 0:
	case l.has(0, "policy"):
		p.policy(l, text, start)
	case p.time(l):
		p.event(l)
	}
}

// policy reads `policy FILE`; the name is the rest of the line, or quoted.
func (p *parser) policy(l line, text string, start lang.Pos) {
	keyword := l.words[0].span
	switch {
	case p.trace.Policy != nil:
		p.errorf(lang.CodeDuplicate, keyword, "leave one of them out", "the policy was already named in line %d", p.trace.Policy.Span.Start.Line)
		return
	case len(p.trace.Events) > 0:
		p.errorf(lang.CodeSyntax, keyword, "move it to the top", "`policy` stands before the first packet")
		return
	case len(l.words) == 1:
		p.errorf(lang.CodeSyntax, keyword, "policy ssh.knock", "`policy` names no file")
		return
	}
	span := lang.Span{Start: l.words[1].span.Start, End: l.end}
	file := text[span.Start.Offset-start.Offset : span.End.Offset-start.Offset]
	if strings.HasPrefix(file, `"`) {
		if len(l.words) > 2 || !strings.HasSuffix(file, `"`) || len(file) < 3 {
			p.errorf(lang.CodeSyntax, span, `policy "my policy.knock"`, "a quoted file name ends with its second quote, and with it the line")
			return
		}
		file = strings.Trim(file, `"`)
	}
	p.trace.Policy = &Policy{file, span}
}

// time reads the time that a line begins with.
func (p *parser) time(l line) bool {
	w := l.words[0]
	text, relative := strings.CutPrefix(w.text, "+")
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		text += "s"
	}
	d, err := lang.ParseDuration(text, time.Nanosecond)
	switch {
	case err == lang.ErrNoDuration:
		p.errorf(lang.CodeTime, w.span, "a line begins with a time: 0s, 1.5s, +200ms", "expected a time, found `%s`", lang.Printable(w.text))
		return false
	case err != nil:
		p.errorf(lang.CodeTime, w.span, "times are 0s, 1.5s, 1m30s, +200ms", "the time `%s` %v", lang.Printable(w.text), err)
		return false
	}
	if relative {
		if d > math.MaxInt64-p.now {
			p.errorf(lang.CodeTime, w.span, "", "the time goes beyond 292 years")
			return false
		}
		d += p.now
	}
	if d < p.now {
		p.errorf(lang.CodeTime, w.span, "", "time runs backwards: the line before is at %s", lang.FormatDuration(p.now))
		return false
	}
	p.now = d
	return true
}

func (p *parser) event(l line) {
	e := Event{At: p.now, Span: lang.Span{Start: l.words[0].span.Start, End: l.end}}
	if l.has(1, "expect") {
		e.Expect = p.expect(l)
	} else {
		e.Packet = p.packet(l)
	}
	if e.Packet != nil || e.Expect != nil {
		p.trace.Events = append(p.trace.Events, e)
	}
}

// expect reads `expect KNOCK open|closed for SOURCE` from word 1 on.
func (p *parser) expect(l line) *Expect {
	const form = "expect KNOCK open for 192.0.2.7"
	if len(l.words) < 3 || !lang.IsName(l.words[2].text) {
		p.errorf(lang.CodeName, l.span(2), form, "expected a knock's name, %s", l.found(2))
		return nil
	}
	x := &Expect{Knock: l.words[2].text, Span: l.words[2].span}
	switch {
	case l.has(3, "open"):
		x.State = Open
	case l.has(3, "closed"):
		x.State = Closed
	case l.has(3, "at"):
		p.notYet(l.words[3].span, "`expect ... at N`")
		return nil
	default:
		p.errorf(lang.CodeSyntax, l.span(3), form, "expected `open` or `closed`, %s", l.found(3))
		return nil
	}
	if !l.has(4, "for") || len(l.words) < 6 {
		i := 4
		if l.has(4, "for") {
			i = 5
		}
		p.errorf(lang.CodeSyntax, l.span(i), form, "expected `for` and a source, %s", l.found(i))
		return nil
	}
	addr, problem := lang.ParseAddr(l.words[5].text)
	if problem != "" {
		p.errorf(lang.CodeAddress, l.words[5].span, "", "`%s` %s", lang.Printable(l.words[5].text), problem)
		return nil
	}
	x.Src = addr
	if len(l.words) > 6 {
		p.errorf(lang.CodeSyntax, l.words[6].span, "", "nothing can follow the source of an expectation, %s", l.found(6))
		return nil
	}
	return x
}

func (p *parser) notYet(at lang.Span, what string) {
	p.errorf(lang.CodeNotYet, at, "", "%s is part of the language, but not built yet", what)
}

// packet reads `SOURCE -> DESTINATION {attribute} [=> VERDICT]` from word 1 on.
func (p *parser) packet(l line) *Packet {
	const form = "a packet is written 192.0.2.7 -> 10000, with tcp flags and => drop behind it if you like"
	before := len(p.findings)
	if len(l.words) < 2 {
		p.errorf(lang.CodeSyntax, l.span(1), form, "expected a packet or `expect`, the line ends")
		return nil
	}
	k := &Packet{}
	var problem string
	if k.Src, k.SrcPort, problem = lang.ParseSource(l.words[1].text); problem != "" {
		p.errorf(lang.CodeAddress, l.words[1].span, "", "`%s` %s", lang.Printable(l.words[1].text), problem)
		return nil
	}
	if !l.has(2, "->") {
		p.errorf(lang.CodeSyntax, l.span(2), form, "expected `->` and a port, %s", l.found(2))
		return nil
	}
	if len(l.words) < 4 {
		p.errorf(lang.CodeSyntax, l.span(3), form, "expected a port, the line ends")
		return nil
	}
	p.destination(k, l.words[3])
	if len(p.findings) == before {
		p.attributes(k, l)
	}
	if len(p.findings) > before {
		return nil
	}
	return k
}

func (p *parser) destination(k *Packet, w word) {
	port := w.text
	if name, after, ok := strings.Cut(w.text, "/"); ok && name != "ping" {
		switch name {
		case "tcp":
		case "udp":
			k.Proto = lang.UDP
		default:
			p.errorf(lang.CodeUnknown, w.span, "protocols are tcp and udp", "unknown protocol `%s`", lang.Printable(name))
			return
		}
		port = after
	}
	first, last, isRange := strings.Cut(port, "-")
	number, problem := lang.ParsePort(first)
	switch {
	case port == "ping" || strings.HasPrefix(port, "ping/"):
		p.notYet(w.span, "a ping")
	case isRange && problem == "" && strings.Trim(last, "0123456789") == "":
		p.notYet(w.span, "a range of ports")
	case problem != "":
		p.errorf(lang.CodePort, w.span, "", "`%s` %s", lang.Printable(w.text), problem)
	}
	k.DstPort = number
}

// attributes reads what follows the destination.
func (p *parser) attributes(k *Packet, l line) {
	var flags lang.Flags
	null := false
	for i := 4; i < len(l.words); i++ {
		w := l.words[i]
		bit := slices.Index(lang.FlagNames, w.text)
		switch {
		case w.text == "=>":
			p.want(k, l, i+1)
			i = len(l.words)
		case bit >= 0:
			flags |= 1 << bit
		case w.text == "null":
			null = true
		case slices.Contains([]string{"on", "every", "reverse", "shuffle", "unanswered"}, w.text):
			p.notYet(w.span, "the attribute `"+w.text+"`")
			return
		default:
			p.errorf(lang.CodeUnknown, w.span, "tcp flags are "+strings.Join(lang.FlagNames, " ")+" and null",
				"unknown attribute `%s`", lang.Printable(w.text))
			return
		}
	}
	last := lang.Span{Start: l.words[3].span.End, End: l.end}
	switch {
	case (flags != 0 || null) && k.Proto == lang.UDP:
		p.errorf(lang.CodeSyntax, last, "", "a UDP datagram has no tcp flags")
	case flags != 0 && null:
		p.errorf(lang.CodeSyntax, last, "", "`null` stands for no flag at all, not beside others")
	case flags == 0 && !null && k.Proto == lang.TCP:
		flags = lang.SYN
	}
	k.Flags = flags
}

func (p *parser) want(k *Packet, l line, i int) {
	switch {
	case l.has(i, "accept") || l.has(i, "drop") || l.has(i, "reject"):
		k.Want = Verdict(l.words[i].text)
	default:
		p.errorf(lang.CodeSyntax, l.span(i), "", "expected `accept`, `drop` or `reject` after `=>`, %s", l.found(i))
		return
	}
	if i+1 < len(l.words) {
		p.errorf(lang.CodeSyntax, l.words[i+1].span, "attributes stand before `=>`", "nothing can follow the verdict, %s", l.found(i+1))
	}
}
