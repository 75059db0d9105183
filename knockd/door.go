package knockd

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// door is a section other than [options]. Of a directive given twice the last
// holds, except for tcpflags, which add up.
type door struct {
	section word
	entries map[string]entry // by their name in [doorKeys]

	steps []lang.Step
	flags map[string]bool // those that must be set, and those that must not
	total time.Duration   // seq_timeout
	grant time.Duration   // cmd_timeout
	notes []note
}

// note is what a comment in the policy says of a line of the configuration.
type note struct {
	line int
	text string
}

// The defaults of a door (knockd.c, SEQ_TIMEOUT and CMD_TIMEOUT).
const (
	defaultTotal = 25 * time.Second
	defaultGrant = 10 * time.Second
)

func newDoor(section word) *door {
	return &door{
		section: section, entries: map[string]entry{}, flags: map[string]bool{},
		total: defaultTotal, grant: defaultGrant,
	}
}

func (p *parser) doorEntry(d *door, name string, e entry) {
	if before, ok := d.entries[name]; ok && name != "tcpflags" {
		p.warn(before.at(), "knockd ignores this and uses line %d", e.key.start.Line)
	}
	d.entries[name] = e
	switch name {
	case "sequence":
		d.steps = p.sequence(e)
	case "seq_timeout":
		p.seconds(e, &d.total)
	case "cmd_timeout":
		p.seconds(e, &d.grant)
	case "tcpflags":
		p.flags(d, e)
	}
}

// mostSteps are those that knockd takes (knockd.c, SEQ_MAX).
const mostSteps = 32

func (p *parser) sequence(e entry) []lang.Step {
	var steps []lang.Step
	parts := e.value.split(',')
	if len(parts) > mostSteps {
		p.error(e.value, "knockd takes at most %d steps, not %d", mostSteps, len(parts))
	}
	for _, part := range parts {
		number, protocol, _ := part.cut(':')
		step := lang.Step{Span: part.span()}
		port, ok := p.number(number, 1, 65535, "a port: ports are 1 to 65535")
		switch strings.ToLower(protocol.text) {
		case "", "tcp":
		case "udp":
			step.Proto = lang.UDP
		default:
			p.error(protocol, "unknown protocol %s", lang.Quote(protocol.text)).Hint = "protocols are tcp and udp"
			ok = false
		}
		if step.Port = uint16(port); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

func (p *parser) seconds(e entry, d *time.Duration) {
	if n, ok := p.number(word{e.value.text, e.at().start}, 0, 1<<31-1, "a number of seconds"); ok {
		*d = time.Duration(n) * time.Second
	}
}

// number reads a number as knockd does, which ignores what follows the digits.
func (p *parser) number(w word, least, most int, what string) (int, bool) {
	digits := w.text[:len(w.text)-len(strings.TrimLeft(w.text, "0123456789"))]
	n, err := strconv.Atoi(digits)
	switch {
	case w.text == "":
		p.error(w, "expected a number, found nothing")
		return 0, false
	case err != nil || n < least || n > most:
		p.error(w, "%s is not %s", lang.Quote(w.text), what)
		return 0, false
	case digits != w.text:
		p.warn(w.from(len(digits)), "knockd ignores %s", lang.Quote(w.text[len(digits):]))
	}
	return n, true
}

func (p *parser) flags(d *door, e entry) {
	together := strings.Join(strings.FieldsFunc(e.value.text, isSpace), "")
	for _, part := range e.value.split(',') {
		name, unset := strings.CutPrefix(strings.ToLower(part.text), "!")
		switch {
		case !slices.Contains(lang.FlagNames, name):
			p.error(part, "unknown flag %s", lang.Quote(part.text)).Hint = "flags are " + strings.Join(lang.FlagNames, " ")
		case together != e.value.text:
			p.error(e.value, "knockd refuses spaces between flags").Hint = "tcpflags = " + together
			return
		default:
			d.flags[name] = !unset
		}
	}
}
