package capture

import (
	"encoding/binary"
	"math"
)

// record is one frame of a capture, as far as it was recorded.
type record struct {
	data  []byte // valid until the next record
	wire  int    // the frame's length; data may be shorter
	at    int64  // nanoseconds since 1970; unknown if untimed
	port  *port
	timed bool
}

// port is an interface that was recorded on.
type port struct {
	link linkType
	name string // of the interface, "" if the capture does not say
	snap uint32
	unit unit
}

// reader reads the records of a file.
type reader interface {
	next(*record) error
}

// byteOrder is that of the machine that recorded.
type byteOrder bool

const (
	littleEndian byteOrder = false
	bigEndian    byteOrder = true
)

func (o byteOrder) uint16(b []byte) uint16 {
	if o == bigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o byteOrder) uint32(b []byte) uint32 {
	if o == bigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// The magic numbers of pcap (draft-ietf-opsawg-pcap, section 4) and pcapng
// (draft-ietf-opsawg-pcapng, section 4.1); the latter's reads the same in both
// byte orders.
const (
	magicMicro   = 0xa1b2c3d4
	magicNano    = 0xa1b23c4d
	magicSection = 0x0a0d0d0a
	magicOrder   = 0x1a2b3c4d
)

// IsCapture reports whether a file that begins so is a capture; four bytes are
// enough.
func IsCapture(begin []byte) bool {
	if len(begin) < 4 {
		return false
	}
	_, _, classic := pcapMagic(begin)
	return classic || binary.LittleEndian.Uint32(begin) == magicSection
}

func pcapMagic(b []byte) (order byteOrder, nano, ok bool) {
	for _, order := range []byteOrder{littleEndian, bigEndian} {
		switch order.uint32(b) {
		case magicMicro:
			return order, false, true
		case magicNano:
			return order, true, true
		}
	}
	return littleEndian, false, false
}

// newReader reads what stands at the beginning of a capture.
func newReader(w *window) (reader, error) {
	begin := w.peek(4)
	switch {
	case !IsCapture(begin):
		return nil, w.errorf("neither a pcap nor a pcapng capture")
	case binary.LittleEndian.Uint32(begin) == magicSection:
		return &pcapng{window: w}, nil
	}
	return newPcap(w)
}

const (
	fileHeader   = 24
	recordHeader = 16
)

// pcap reads the classic format: a header, and the records.
type pcap struct {
	*window
	order byteOrder
	unit  int64 // of a record's fraction of a second, in nanoseconds
	port  port
}

func newPcap(w *window) (*pcap, error) {
	b := w.peek(fileHeader)
	if len(b) < fileHeader {
		return nil, w.errorf("the file ends in its header")
	}
	r := &pcap{window: w, unit: 1000}
	var nano bool
	if r.order, nano, _ = pcapMagic(b); nano {
		r.unit = 1
	}
	if major := r.order.uint16(b[4:]); major != 2 {
		return nil, w.errorf("pcap of version %d, wanted version 2", major)
	}
	r.port.link = linkType(r.order.uint32(b[20:]) & math.MaxUint16) // above it: how long the FCS is
	if !r.port.link.known() {
		return nil, w.errorf("link type %d is none of those that are understood: %s", r.port.link, linkTypes)
	}
	w.skip(fileHeader)
	return r, nil
}

func (r *pcap) next(rec *record) error {
	b := r.peek(recordHeader)
	if len(b) < recordHeader {
		if len(b) == 0 {
			return r.end()
		}
		return r.errorf("the file ends in the header of a packet")
	}
	captured, wire := r.order.uint32(b[8:]), r.order.uint32(b[12:])
	rec.at = int64(r.order.uint32(b))*1e9 + int64(r.order.uint32(b[4:]))*r.unit
	if captured > maxBlock {
		return r.errorf("a packet of %d bytes, wanted at most %d", captured, maxBlock)
	}
	size := recordHeader + int(captured)
	if b = r.buf[r.pos:]; len(b) < size {
		if b = r.peek(size); len(b) < size {
			return r.errorf("the file ends in a packet, after %d of its %d bytes", len(b)-recordHeader, captured)
		}
	}
	b = b[:size:size]
	r.pos += size
	rec.data, rec.wire = b[recordHeader:], int(max(captured, wire))
	rec.port, rec.timed = &r.port, true
	return nil
}
