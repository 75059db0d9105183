package capture

import (
	"bytes"
	"math"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"knockc/lang"
)

// The types of blocks that matter (draft-ietf-opsawg-pcapng, section 10.1).
const (
	interfaceBlock      = 1
	obsoletePacketBlock = 2
	simplePacketBlock   = 3
	enhancedPacketBlock = 6
)

// The options of an interface description (section 4.2).
const (
	optionEnd        = 0
	optionName       = 2
	optionResolution = 9
	optionOffset     = 14
)

const (
	minBlock = 12
	maxPorts = 1 << 16
)

// pcapng reads the newer format: sections of blocks, some of which are packets.
type pcapng struct {
	*window
	order byteOrder
	ports []*port // of the section
}

func (r *pcapng) next(rec *record) error {
	for {
		kind, size, err := r.header()
		if err != nil {
			return err
		}
		ok := false
		switch kind {
		case magicSection, interfaceBlock, obsoletePacketBlock, simplePacketBlock, enhancedPacketBlock:
			body, err := r.block(size)
			if err != nil {
				return err
			}
			ok, err = r.read(kind, body, rec)
			if err != nil {
				return err
			}
			r.pos += int(size)
		default:
			if !r.skip(int64(size)) {
				return r.errorf("the file ends in a block of %d bytes", size)
			}
		}
		if ok {
			return nil
		}
	}
}

// header looks at the head of the next block. That of a section says how it and
// all that follows is to be read.
func (r *pcapng) header() (kind, size uint32, err error) {
	b := r.peek(minBlock)
	switch {
	case len(b) == 0:
		return 0, 0, r.end()
	case len(b) < minBlock:
		return 0, 0, r.errorf("the file ends in the head of a block")
	}
	if kind = r.order.uint32(b); kind == magicSection {
		switch uint32(magicOrder) {
		case littleEndian.uint32(b[8:]):
			r.order = littleEndian
		case bigEndian.uint32(b[8:]):
			r.order = bigEndian
		default:
			return 0, 0, r.errorf("a section without a byte order")
		}
	}
	size = r.order.uint32(b[4:])
	if size < minBlock || size%4 != 0 {
		return 0, 0, r.errorf("a block of %d bytes, wanted a multiple of 4 from %d on", size, minBlock)
	}
	return kind, size, nil
}

// block returns the body of the next block, which it does not go over.
func (r *pcapng) block(size uint32) ([]byte, error) {
	if size > maxBlock {
		return nil, r.errorf("a block of %d bytes, wanted at most %d", size, maxBlock)
	}
	b := r.peek(int(size))
	if len(b) < int(size) {
		return nil, r.errorf("the file ends in a block, after %d of its %d bytes", len(b), size)
	}
	if again := r.order.uint32(b[size-4:]); again != size {
		return nil, r.errorf("a block that begins with length %d and ends with %d", size, again)
	}
	return b[8 : size-4], nil
}

// read reads a block's body; true if it is a packet.
func (r *pcapng) read(kind uint32, b []byte, rec *record) (bool, error) {
	switch kind {
	case magicSection:
		return false, r.section(b)
	case interfaceBlock:
		return false, r.describe(b)
	case simplePacketBlock:
		return true, r.simple(b, rec)
	case enhancedPacketBlock:
		if len(b) < 20 {
			break
		}
		return true, r.packet(r.order.uint32(b), b, rec)
	case obsoletePacketBlock:
		if len(b) < 20 {
			break
		}
		return true, r.packet(uint32(r.order.uint16(b)), b, rec)
	}
	return false, r.errorf("a packet block of %d bytes, too short for its head", len(b)+minBlock)
}

func (r *pcapng) section(b []byte) error {
	if len(b) < 16 {
		return r.errorf("a section head of %d bytes, wanted at least 28", len(b)+minBlock)
	}
	if major := r.order.uint16(b[4:]); major != 1 {
		return r.errorf("pcapng of version %d, wanted version 1", major)
	}
	r.ports = r.ports[:0]
	return nil
}

func (r *pcapng) describe(b []byte) error {
	switch {
	case len(b) < 8:
		return r.errorf("an interface block of %d bytes, wanted at least 20", len(b)+minBlock)
	case len(r.ports) == maxPorts:
		return r.errorf("more than %d interfaces in a section", maxPorts)
	}
	p := &port{link: linkType(r.order.uint16(b)), snap: r.order.uint32(b[4:]), unit: decimalUnit(6)}
	r.ports = append(r.ports, p)
	for b = b[8:]; len(b) >= 4; {
		code, size := r.order.uint16(b), int(r.order.uint16(b[2:]))
		padded := 4 + (size+3)&^3
		if code == optionEnd {
			break
		}
		if padded > len(b) {
			return r.errorf("an interface's option %d ends outside its block", code)
		}
		r.option(p, code, b[4:4+size])
		b = b[padded:]
	}
	return nil
}

func (r *pcapng) option(p *port, code uint16, value []byte) {
	switch {
	case code == optionName:
		name, _, _ := bytes.Cut(value, []byte{0})
		p.name = ifaceName(name)
	case code == optionResolution && len(value) == 1 && value[0]&0x80 != 0:
		p.unit = unit{shift: value[0] & 0x7f, offset: p.unit.offset}
	case code == optionResolution && len(value) == 1:
		offset := p.unit.offset
		p.unit = decimalUnit(value[0])
		p.unit.offset = offset
	case code == optionOffset && len(value) == 8:
		low, high := uint64(r.order.uint32(value)), uint64(r.order.uint32(value[4:]))
		if r.order == bigEndian {
			low, high = high, low
		}
		p.unit.offset = int64(high<<32 | low)
	}
}

// ifaceName is the name of an interface, "" if it is none that Linux allows
// (dev_valid_name) and people can read. Nothing arrives on "any", the name of what
// records on all of them.
func ifaceName(name []byte) string {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch s := string(name); {
	case len(s) > lang.MaxIface, s == "any", s == ".", s == "..":
	case !utf8.ValidString(s), strings.ContainsAny(s, "/: "), strings.ContainsFunc(s, unprintable):
	default:
		return s
	}
	return ""
}

// packet reads an enhanced or obsolete packet block, which differ in their first
// word alone.
func (r *pcapng) packet(number uint32, b []byte, rec *record) error {
	if uint64(number) >= uint64(len(r.ports)) {
		return r.errorf("a packet of interface %d, which the section does not describe", number)
	}
	captured, wire := r.order.uint32(b[12:]), r.order.uint32(b[16:])
	if uint64(captured) > uint64(len(b)-20) {
		return r.errorf("a packet of %d bytes in a block that has room for %d", captured, len(b)-20)
	}
	rec.port = r.ports[number]
	rec.data, rec.wire = b[20:20+captured], int(max(captured, wire))
	rec.at = rec.port.unit.nanoseconds(uint64(r.order.uint32(b[4:]))<<32 | uint64(r.order.uint32(b[8:])))
	rec.timed = true
	return nil
}

// simple reads a packet block without a time or an interface, which is the first.
func (r *pcapng) simple(b []byte, rec *record) error {
	switch {
	case len(b) < 4:
		return r.errorf("a packet block of %d bytes, too short for its head", len(b)+minBlock)
	case len(r.ports) == 0:
		return r.errorf("a packet of interface 0, which the section does not describe")
	}
	rec.port = r.ports[0]
	wire := r.order.uint32(b)
	captured := min(uint64(wire), uint64(len(b)-4))
	if rec.port.snap > 0 {
		captured = min(captured, uint64(rec.port.snap))
	}
	rec.data, rec.wire, rec.timed = b[4:4+captured], int(wire), false
	return nil
}

// unit is how an interface counts time.
type unit struct {
	mul, div uint64 // a decimal unit in nanoseconds, as a fraction; 0/0 if it is a binary one
	shift    uint8  // 2^-shift seconds
	offset   int64  // to be added, in seconds
}

// decimalUnit is 10^-digits seconds.
func decimalUnit(digits uint8) unit {
	u := unit{mul: 1, div: 1}
	for i := digits; i < 9; i++ {
		u.mul *= 10
	}
	for i := uint8(9); i < digits && u.div != math.MaxUint64; i++ {
		if high, low := bits.Mul64(u.div, 10); high == 0 {
			u.div = low
		} else {
			u.div = math.MaxUint64
		}
	}
	return u
}

// nanoseconds are at most what an int64 can hold.
func (u unit) nanoseconds(count uint64) int64 {
	high, low := uint64(0), uint64(0)
	switch {
	case u.mul == 0:
		high, low = bits.Mul64(count, 1e9)
		low = shiftRight(high, low, u.shift)
		high = shiftRight(0, high, u.shift)
	case u.div > 1:
		low = count / u.div
	default:
		high, low = bits.Mul64(count, u.mul)
	}
	if high != 0 || low > math.MaxInt64 {
		low = math.MaxInt64
	}
	return addSaturated(int64(low), mulSaturated(u.offset, 1e9))
}

// shiftRight is the low word of high:low >> n.
func shiftRight(high, low uint64, n uint8) uint64 {
	if n >= 64 {
		return high >> (n - 64)
	}
	return low>>n | high<<(64-n)
}

func addSaturated(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

func mulSaturated(a, b int64) int64 {
	switch {
	case a > math.MaxInt64/b:
		return math.MaxInt64
	case a < math.MinInt64/b:
		return math.MinInt64
	}
	return a * b
}
