package lang

import "strings"

// Flags are the flags of a TCP header, RFC 9293 section 3.1, as on the wire.
type Flags uint8

const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// SYNMask has the flags that distinguish a SYN from other segments.
const SYNMask = FIN | SYN | RST | ACK

// IsSYN reports whether the flags ask for a connection.
func (f Flags) IsSYN() bool { return f&SYNMask == SYN }

// FlagNames are the flags' names, in the order of their bits.
var FlagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg"}

// String lists the flags, separated by commas.
func (f Flags) String() string { return string(f.AppendTo(nil, ',')) }

// AppendTo appends the flags, separated by a byte.
func (f Flags) AppendTo(b []byte, separator byte) []byte {
	first := true
	for i, name := range FlagNames {
		if f&(1<<i) == 0 {
			continue
		}
		if !first {
			b = append(b, separator)
		}
		b, first = append(b, name...), false
	}
	return b
}

// BitNames lists the names of the bits that are set, lowest first, separated by commas.
func BitNames(bits uint8, names ...string) string {
	var set []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ",")
}
