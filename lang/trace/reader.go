package trace

import (
	"bytes"
	"io"

	"example.org/knockc/lang"
)

// Reader reads a trace event by event, for traces that are too long to hold in memory.
// Lines of the usual form, a packet without attributes, take a short way. All others
// are parsed.
type Reader struct {
	in     io.Reader
	err    error // why there is no more to read
	block  []byte
	lines  []byte // of the block: whole lines that are still to be read
	tail   []byte // of the block, after them: a part of a line
	parser parser
	at     lang.Pos // where lines starts
	event  Event
	packet Packet

	parseAll bool // nothing takes the short way
}

// NewReader makes a reader for the text of a trace.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: in, parser: parser{trace: &Trace{}}, at: lang.Pos{Line: 1, Column: 1}}
}

// blockSize is how much is read at once, except for longer lines.
const blockSize = 256 << 10

// fill reads more lines; false if there are none.
func (r *Reader) fill() bool {
	for r.err == nil {
		if 2*len(r.tail) >= len(r.block) {
			r.block = make([]byte, max(blockSize, 2*len(r.block)))
		}
		if len(r.tail) > MaxLine {
			r.parser.tooLong(r.at)
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
		r.lines, r.tail = read[:end], read[end:]
		if r.at.Offset == 0 && bytes.HasPrefix(r.lines, []byte(lang.ByteOrderMark)) {
			r.at.Offset = len(lang.ByteOrderMark)
			r.lines = r.lines[r.at.Offset:]
		}
		if len(r.lines) > 0 {
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
	for !r.parser.stopped() && (len(r.lines) > 0 || r.fill()) {
		if !r.parseAll && r.simple() {
			return &r.event
		}
		line, at := r.line()
		r.parser.trace.Events = r.parser.trace.Events[:0]
		r.parser.readLine(string(line), at)
		if events := r.parser.trace.Events; len(events) > 0 {
			return &events[0]
		}
	}
	return nil
}

// line cuts off the next line, and tells where it starts.
func (r *Reader) line() (line []byte, at lang.Pos) {
	line, at = r.lines, r.at
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	r.skip(len(line))
	return line, at
}

// Policy is the policy that the trace names, nil if it names none. It is known once the
// first event has been read.
func (r *Reader) Policy() *Policy { return r.parser.trace.Policy }

// Findings are the findings about the lines that were read.
func (r *Reader) Findings() []lang.Finding { return r.parser.first() }

// Foreign reports whether the text is no trace at all; one of the findings says what it is.
func (r *Reader) Foreign() bool { return r.parser.foreign }
