package trace

import (
	"bytes"
	"math"
	"net/netip"
	"time"

	"example.org/knockc/lang"
)

// simple reads a line of the form `TIME SOURCE -> PORT => VERDICT`, the verdict left
// out or not. It is false, and nothing is read, if the line has another form or any
// fault. Whoever reads a part returns the place behind it, or -1.
func (r *Reader) simple() bool {
	text, e, p := r.lines, &r.event, &r.packet
	begin := spaces(text, 0)
	relative := begin < len(text) && text[begin] == '+'
	i := begin
	if relative {
		i++
	}
	t, i := readTime(text, i)
	if i = gap(text, i); i < 0 {
		return false
	}
	i = p.readSource(text, i)
	if i = gap(text, i); i < 0 || i+2 >= len(text) || text[i] != '-' || text[i+1] != '>' {
		return false
	}
	i = p.readTarget(text, gap(text, i+2))
	if i < 0 {
		return false
	}
	end := i
	p.Want = ""
	if i = spaces(text, i); i+1 < len(text) && text[i] == '=' && text[i+1] == '>' {
		if end = p.readWant(text, spaces(text, i+2)); end < 0 {
			return false
		}
		i = spaces(text, end)
	}
	now := r.parser.now
	if i < len(text) && text[i] != '\n' || relative && t > math.MaxInt64-now || !relative && t < now {
		return false
	}
	if relative {
		t += now
	}
	r.parser.now, r.parser.begun = t, true
	e.At, e.Packet = t, p
	place(&e.Span.Start, r.at, begin)
	place(&e.Span.End, r.at, end)
	r.skip(i)
	return true
}

// skip goes on after a line, which ends at i.
func (r *Reader) skip(i int) {
	r.lines = r.lines[min(i+1, len(r.lines)):]
	r.at.Offset += i + 1
	r.at.Line++
}

// place makes p the place of the byte i of a line.
func place(p *lang.Pos, line lang.Pos, i int) {
	p.Offset, p.Line, p.Column = line.Offset+i, line.Line, line.Column+i
}

// spaces is where white space ends.
func spaces(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// gap is where white space ends; there must be at least one character.
func gap(text []byte, i int) int {
	if i < 0 || i >= len(text) || text[i] != ' ' && text[i] != '\t' && text[i] != '\r' {
		return -1
	}
	return spaces(text, i+1)
}

// digits reads a number. It does not look whether that is too large.
func digits(text []byte, i int) (n, end int) {
	for i < len(text) && text[i]-'0' <= 9 {
		n = 10*n + int(text[i]-'0')
		i++
	}
	return n, i
}

// shortNumber reads a number without leading zeros, of a few digits at most.
func shortNumber(text []byte, i, most int) (n, end int) {
	n, end = digits(text, i)
	if length := end - i; length == 0 || length > most || length > 1 && text[i] == '0' {
		return 0, -1
	}
	return n, end
}

// readTime reads a number of seconds, milliseconds or microseconds, with no more
// decimals than there are nanoseconds.
func readTime(text []byte, i int) (time.Duration, int) {
	n, i := shortNumber(text, i, 9)
	if i < 0 {
		return 0, -1
	}
	fraction, decimals := 0, 0
	if i < len(text) && text[i] == '.' {
		begin := i + 1
		fraction, i = digits(text, begin)
		if decimals = i - begin; decimals == 0 {
			return 0, -1
		}
	}
	zeros := 9 // of a unit in nanoseconds
	if i < len(text) && text[i] != 's' {
		switch text[i] {
		case 'm':
			zeros = 6
		case 'u':
			zeros = 3
		default:
			return 0, -1
		}
		i++
	}
	if i >= len(text) || text[i] != 's' || decimals > zeros {
		return 0, -1
	}
	return time.Duration(n)*power10[zeros] + time.Duration(fraction)*power10[zeros-decimals], i + 1
}

var power10 = [10]time.Duration{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// readSource reads an address, of IPv4 with its port or without.
func (p *Packet) readSource(text []byte, begin int) int {
	var a uint32
	i := begin
	for part := range 4 {
		n, end := shortNumber(text, i, 3)
		if end < 0 || n > 255 || part < 3 && (end >= len(text) || text[end] != '.') {
			return p.readOtherSource(text, begin)
		}
		a, i = a<<8|uint32(n), end+1
	}
	i--
	p.Src, p.SrcPort = netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), 0
	if i < len(text) && text[i] == ':' {
		p.SrcPort, i = readPort(text, i+1)
	}
	return i
}

// readOtherSource reads an IPv6 address, or one with its port.
func (p *Packet) readOtherSource(text []byte, begin int) int {
	i := begin
	for i < len(text) && text[i] != ' ' && text[i] != '\t' && text[i] != '\n' {
		i++
	}
	word := text[begin:i]
	if bytes.ContainsAny(word, "#\"<>=\r") {
		return -1
	}
	var problem string
	if p.Src, p.SrcPort, problem = lang.ParseSource(string(word)); problem != "" {
		return -1
	}
	return i
}

// readTarget reads a destination port with its protocol or without.
func (p *Packet) readTarget(text []byte, i int) int {
	if i < 0 {
		return -1
	}
	p.Proto, p.Flags = lang.TCP, lang.SYN
	if i+4 < len(text) && text[i+3] == '/' {
		switch string(text[i : i+3]) {
		case "udp":
			p.Proto, p.Flags = lang.UDP, 0
			i += 4
		case "tcp":
			i += 4
		}
	}
	p.DstPort, i = readPort(text, i)
	return i
}

func readPort(text []byte, i int) (uint16, int) {
	n, end := shortNumber(text, i, 5)
	if end < 0 || n < 1 || n > math.MaxUint16 {
		return 0, -1
	}
	return uint16(n), end
}

// readWant reads a verdict.
func (p *Packet) readWant(text []byte, i int) int {
	for _, v := range []Verdict{Drop, Accept, Reject, Pass} {
		if rest := text[i:]; len(rest) >= len(v) && string(rest[:len(v)]) == string(v) {
			p.Want = v
			return i + len(v)
		}
	}
	return -1
}
