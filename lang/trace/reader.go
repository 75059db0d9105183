package trace

import (
	"bytes"
	"io"
	"unsafe"

	"example.org/knockc/lang"
)

// Reader reads a trace event by event, for traces that are too long to hold in memory.
// It allocates nothing for a line without a fault. What outlives an event, findings and
// the name of the policy, is copied out of the block that it was read from.
type Reader struct {
	in     io.Reader
	err    error // why there is no more to read
	block  []byte
	tail   []byte // of the block: a part of a line, after the whole lines of text
	text   text
	parser parser
}

// NewReader makes a reader for the text of a trace.
func NewReader(in io.Reader) *Reader { return &Reader{in: in, text: newText("")} }

// blockSize is how much is read at once, except for longer lines.
const blockSize = 64 << 10

// fill reads more lines; false if there are none.
func (r *Reader) fill() bool {
	for r.err == nil {
		if 2*len(r.tail) >= len(r.block) {
			r.block = make([]byte, max(blockSize, 2*len(r.block)))
		}
		if len(r.tail) > MaxLine {
			r.parser.tooLong(r.text.at)
			r.err = io.EOF
			return false
		}
		begin := copy(r.block, r.tail)
		n, err := io.ReadFull(r.in, r.block[begin:])
		read := r.block[:begin+n]
		end := bytes.LastIndexByte(read, '\n') + 1
		if err != nil {
			if r.err = err; err == io.ErrUnexpectedEOF {
				r.err = io.EOF
			}
			end = len(read)
		}
		r.tail = read[end:]
		lines := unsafe.String(unsafe.SliceData(read), end) // until the block is filled again
		if r.text.at.Offset == 0 {
			r.text = newText(lines)
		} else {
			r.text.add(lines)
		}
		if r.text.rest != "" {
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

// Next returns the next event, nil after the last one. The event and its strings are valid
// until the next call. Next leaves out lines with errors. It stops after many errors, and
// if the text is no trace at all.
func (r *Reader) Next() *Event {
	for !r.parser.stopped() && (r.text.rest != "" || r.fill()) {
		if e := r.parser.readLine(&r.text); e != nil {
			return e
		}
	}
	return nil
}

// Policy is the policy that the trace names, nil if it names none. It is known once the
// first event has been read.
func (r *Reader) Policy() *Policy { return r.parser.named }

// Start is what a clock shows at time zero, in Unix time. It is known once the first event
// has been read.
func (r *Reader) Start() int64 { return r.parser.epoch }

// Findings are the findings about the lines that were read.
func (r *Reader) Findings() []lang.Finding { return r.parser.first() }

// Foreign reports whether the text is no trace at all; one of the findings says what it is.
func (r *Reader) Foreign() bool { return r.parser.foreign }
