package trace

import (
	"bytes"
	"io"
	"math"
	"net/netip"
	"strings"
	"time"

	"knockc/lang"
)

// Reader reads a trace event by event, for traces that are too long to be held. Lines
// of the usual form, a packet without attributes, take a short way; all others are
// parsed.
type Reader struct {
	in     io.Reader
	err    error  // why there is no more to read
	tail   []byte // what was read behind the lines in rest: a part of a line
	parser parser
	rest   string   // whole lines
	at     lang.Pos // where rest starts
	event  Event
	packet Packet

	parseAll bool // nothing takes the short way
}

// NewReader makes a reader of a trace's text.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: in, parser: parser{trace: &Trace{}}, at: lang.Pos{Line: 1, Column: 1}}
}

// readSize is how much is read at once.
const readSize = 1 << 20

// fill reads more lines; false if there are none.
func (r *Reader) fill() bool {
	for r.err == nil {
		begin := len(r.tail)
		block := append(r.tail, make([]byte, readSize)...)
		n, err := io.ReadFull(r.in, block[begin:])
		block = block[:begin+n]
		end := bytes.LastIndexByte(block, '\n') + 1
		if err != nil {
			if r.err = err; err == io.ErrUnexpectedEOF {
				r.err = io.EOF
			}
			end = len(block)
		}
		r.rest, r.tail = string(block[:end]), block[end:]
		if r.at.Offset == 0 {
			text, marked := strings.CutPrefix(r.rest, byteOrderMark)
			if r.rest = text; marked {
				r.at.Offset = len(byteOrderMark)
			}
		}
		if r.rest != "" {
			return true
		}
	}
	return false
}

// Err is why reading ended before the end of the text; nil if it did not.
func (r *Reader) Err() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// Next returns the next event, which is valid until the next call; nil behind the
// last one. Lines with errors are left out.
func (r *Reader) Next() *Event {
	for r.rest != "" || r.fill() {
		line, rest := r.rest, ""
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line, rest = line[:i], line[i+1:]
		}
		at := r.at
		r.at.Offset += len(line) + 1
		r.at.Line++
		r.rest = rest
		if !r.parseAll && r.simple(line, at) {
			return &r.event
		}
		r.parser.trace.Events = r.parser.trace.Events[:0]
		r.parser.readLine(line, at)
		if events := r.parser.trace.Events; len(events) > 0 {
			return &events[0]
		}
	}
	return nil
}

// Policy is the policy that the trace names, as far as it was read: before the first
// event. nil if it names none.
func (r *Reader) Policy() *Policy { return r.parser.trace.Policy }

// Findings are those of the lines that were read.
func (r *Reader) Findings() []lang.Finding { return r.parser.findings }

// simple reads a line of the form `TIME SOURCE -> PORT => VERDICT`, the verdict left
// out or not. It is false, and nothing is read, if the line has another form or any
// fault.
func (r *Reader) simple(line string, at lang.Pos) bool {
	s := cursor{text: line}
	s.spaces()
	begin := s.i
	relative := s.takeByte('+')
	t, ok := s.time()
	if !ok || !s.spaces() {
		return false
	}
	p := &r.packet
	*p = Packet{Flags: lang.SYN}
	if !s.source(p) || !s.spaces() || !s.take("->") || !s.spaces() {
		return false
	}
	switch {
	case s.take("udp/"):
		p.Proto, p.Flags = lang.UDP, 0
	case s.take("tcp/"):
	}
	if p.DstPort, ok = s.port(); !ok {
		return false
	}
	end := s.i
	if s.spaces() && s.take("=>") {
		if end, ok = s.verdict(p); !ok {
			return false
		}
	}
	now := r.parser.now
	if s.i < len(line) || relative && t > math.MaxInt64-now || !relative && t < now {
		return false
	}
	if relative {
		t += now
	}
	r.parser.now, r.parser.begun = t, true
	r.event = Event{At: t, Packet: p, Span: lang.Span{Start: column(at, begin), End: column(at, end)}}
	return true
}

func column(p lang.Pos, i int) lang.Pos {
	p.Offset += i
	p.Column += i
	return p
}

// cursor reads a line from left to right.
type cursor struct {
	text string
	i    int
}

// spaces skips white space, and reports whether there was any, or the line ends.
func (s *cursor) spaces() bool {
	begin := s.i
	for s.i < len(s.text) && (s.text[s.i] == ' ' || s.text[s.i] == '\t' || s.text[s.i] == '\r') {
		s.i++
	}
	return s.i > begin || s.i == len(s.text)
}

func (s *cursor) takeByte(b byte) bool {
	if s.i < len(s.text) && s.text[s.i] == b {
		s.i++
		return true
	}
	return false
}

func (s *cursor) take(prefix string) bool {
	if !strings.HasPrefix(s.text[s.i:], prefix) {
		return false
	}
	s.i += len(prefix)
	return true
}

// digits reads a number without leading zeros; false if there is none or it is too
// large for this.
func (s *cursor) digits(most int) (n int, ok bool) {
	text := s.text[s.i:]
	length := 0
	for length < len(text) && text[length]-'0' <= 9 {
		n = 10*n + int(text[length]-'0')
		length++
	}
	s.i += length
	return n, length > 0 && length <= most && (length == 1 || text[0] != '0')
}

// time reads seconds or milliseconds: one number with a unit.
func (s *cursor) time() (time.Duration, bool) {
	n, ok := s.digits(9)
	if !ok {
		return 0, false
	}
	fraction, scale := 0, 1
	if s.takeByte('.') {
		begin := s.i
		for s.i < len(s.text) && s.text[s.i]-'0' <= 9 {
			fraction = 10*fraction + int(s.text[s.i]-'0')
			scale *= 10
			s.i++
			if s.i-begin > 9 {
				return 0, false
			}
		}
		if s.i == begin {
			return 0, false
		}
	}
	unit := time.Second
	switch {
	case s.takeByte('s'):
	case s.take("ms"):
		unit = time.Millisecond
	case s.take("us"):
		unit = time.Microsecond
	default:
		return 0, false
	}
	if fraction == 0 {
		return time.Duration(n) * unit, true
	}
	part := time.Duration(fraction) * unit
	if part%time.Duration(scale) != 0 {
		return 0, false
	}
	return time.Duration(n)*unit + part/time.Duration(scale), true
}

// source reads an address, of IPv4 with its port or without.
func (s *cursor) source(p *Packet) bool {
	begin := s.i
	var a [4]byte
	for i := range a {
		n, ok := s.digits(3)
		if !ok || n > 255 || i < 3 && !s.takeByte('.') {
			return s.otherSource(p, begin)
		}
		a[i] = byte(n)
	}
	p.Src = netip.AddrFrom4(a)
	if s.takeByte(':') {
		port, ok := s.port()
		p.SrcPort = port
		return ok
	}
	return true
}

// otherSource reads an IPv6 address, or one with its port.
func (s *cursor) otherSource(p *Packet, begin int) bool {
	s.i = begin
	for s.i < len(s.text) && s.text[s.i] != ' ' && s.text[s.i] != '\t' {
		s.i++
	}
	text := s.text[begin:s.i]
	if strings.ContainsAny(text, `#"<>=`) {
		return false
	}
	var problem string
	p.Src, p.SrcPort, problem = lang.ParseSource(text)
	return problem == ""
}

func (s *cursor) port() (uint16, bool) {
	n, ok := s.digits(5)
	return uint16(n), ok && n >= 1 && n <= math.MaxUint16
}

// verdict reads what stands behind `=>`, and returns where it ends.
func (s *cursor) verdict(p *Packet) (end int, ok bool) {
	s.spaces()
	for _, v := range []Verdict{Drop, Accept, Reject} {
		if s.take(string(v)) {
			p.Want = v
			end = s.i
			return end, s.spaces()
		}
	}
	return 0, false
}
