package trace

import (
	"bytes"
	"math"
	"net/netip"
	"time"

	"knockc/lang"
)

// simple reads a line of the form `TIME SOURCE -> PORT => VERDICT`, the verdict left
// out or not. It is false, and nothing is read, if the line has another form or any
// fault.
func (r *Reader) simple(line []byte, at lang.Pos) bool {
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
	e := &r.event
	e.At, e.Packet = t, p
	place(&e.Span.Start, at, begin)
	place(&e.Span.End, at, end)
	return true
}

// place makes p the place of the byte i of a line.
func place(p *lang.Pos, line lang.Pos, i int) {
	p.Offset, p.Line, p.Column = line.Offset+i, line.Line, line.Column+i
}

// cursor reads a line from left to right.
type cursor struct {
	text []byte
	i    int
}

// spaces skips white space, and reports whether there was any, or the line ends.
func (s *cursor) spaces() bool {
	i := s.i
	for i < len(s.text) && (s.text[i] == ' ' || s.text[i] == '\t' || s.text[i] == '\r') {
		i++
	}
	found := i > s.i || i == len(s.text)
	s.i = i
	return found
}

func (s *cursor) takeByte(b byte) bool {
	if s.i < len(s.text) && s.text[s.i] == b {
		s.i++
		return true
	}
	return false
}

func (s *cursor) take(prefix string) bool {
	if rest := s.text[s.i:]; len(rest) < len(prefix) || string(rest[:len(prefix)]) != prefix {
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

// time reads a number of seconds, milliseconds or microseconds, with no more decimals
// than there are nanoseconds.
func (s *cursor) time() (time.Duration, bool) {
	n, ok := s.digits(9)
	if !ok {
		return 0, false
	}
	fraction, decimals := 0, 0
	if s.takeByte('.') {
		begin := s.i
		for s.i < len(s.text) && s.text[s.i]-'0' <= 9 {
			fraction = 10*fraction + int(s.text[s.i]-'0')
			s.i++
		}
		if decimals = s.i - begin; decimals == 0 {
			return 0, false
		}
	}
	zeros := 9 // of a unit in nanoseconds
	switch {
	case s.takeByte('s'):
	case s.take("ms"):
		zeros = 6
	case s.take("us"):
		zeros = 3
	default:
		return 0, false
	}
	if decimals > zeros {
		return 0, false
	}
	return time.Duration(n*power10[zeros] + fraction*power10[zeros-decimals]), true
}

var power10 = [10]int{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

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
	if bytes.ContainsAny(text, `#"<>=`) {
		return false
	}
	var problem string
	p.Src, p.SrcPort, problem = lang.ParseSource(string(text))
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
