package trace

import (
	"bytes"
	"io"

	"example.org/knockc/lang"
)

// Reader reads a trace event by event, for traces that are too long to hold in memory.
// It allocates for each block of the text, and nothing for a line without a fault.
type Reader struct {
	in     io.Reader
	err    error // why there is no more to read
	block  []byte
	tail   []byte // of the block: a part of a line, after the whole lines of text
	text   text
	parser parser
}

// NewReader makes a reader for the text of a trace.
func NewReader(in io.Reader) *Reader { return &Reader{in: in, text: newText(nil)} }

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
		if r.text.at.Offset == 0 {
			r.text = newText(read[:end])
		} else {
			r.text.rest = string(read[:end])
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

// Next returns the next event, which is valid until the next call; nil after the last
// one. It leaves out lines with errors. It stops after many errors, and if the text is no
// trace at all.
func (r *Reader) Next() *Event {
	for !r.parser.stopped() && (r.text.rest != "" || r.fill()) {
		if e := r.parser.readLine(r.text.line()); e != nil {
			return e
		}
	}
	return nil
}

// Policy is the policy that the trace names, nil if it names none. It is known once the
// first event has been read.
func (r *Reader) Policy() *Policy { return r.parser.named }

// Findings are the findings about the lines that were read.
func (r *Reader) Findings() []lang.Finding { return r.parser.first() }

// Foreign reports whether the text is no trace at all; one of the findings says what it is.
func (r *Reader) Foreign() bool { return r.parser.foreign }
