package capture

import (
	"errors"
	"fmt"
	"io"
)

// windowSize is how much of a file is in memory at a time; it grows up to the
// longest record, which is at most maxBlock.
const (
	windowSize = 64 << 10
	maxBlock   = 16 << 20
)

// window is a file's bytes from the place that has been reached.
type window struct {
	file io.ReadSeeker // nil: buf is all there is
	buf  []byte
	pos  int   // in buf
	base int64 // the offset of buf's beginning in the file
	done bool  // buf holds the file's end
	err  error // of reading; it counts as the file's end until it is asked for
}

func (w *window) offset() int64 { return w.base + int64(w.pos) }

// peek returns the next n bytes, or as many as there are before the end.
func (w *window) peek(n int) []byte {
	if n > len(w.buf)-w.pos {
		w.fill(n)
		n = min(n, len(w.buf)-w.pos)
	}
	return w.buf[w.pos : w.pos+n : w.pos+n]
}

// fill brings n bytes into the buffer, if there are as many.
func (w *window) fill(n int) {
	if w.file == nil || w.done {
		return
	}
	old := w.buf[w.pos:]
	if n > cap(w.buf) {
		w.buf = make([]byte, max(n, windowSize))
	}
	w.base += int64(w.pos)
	w.buf = w.buf[:cap(w.buf)]
	have := copy(w.buf, old)
	more, err := io.ReadAtLeast(w.file, w.buf[have:], n-have)
	w.buf, w.pos = w.buf[:have+more], 0
	if err != nil {
		w.done = true
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			w.err = fmt.Errorf("byte %d: %w", w.base+int64(have+more), err)
		}
	}
}

// skip goes over the next n bytes; false if there are fewer.
func (w *window) skip(n int64) bool {
	for n > int64(len(w.buf)-w.pos) {
		n -= int64(len(w.buf) - w.pos)
		w.pos = len(w.buf)
		if len(w.peek(1)) == 0 {
			return false
		}
	}
	w.pos += int(n)
	return true
}

// rewind goes back to the beginning of the file.
func (w *window) rewind() error {
	if w.file == nil {
		w.pos = 0
		return nil
	}
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	*w = window{file: w.file, buf: w.buf[:0]}
	return nil
}

// Error is a capture whose structure is broken.
type Error struct {
	Offset  int64 // in the file, in bytes
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Problem) }

func (w *window) errorf(format string, args ...any) error {
	if w.err != nil {
		return w.err
	}
	return &Error{w.offset(), fmt.Sprintf(format, args...)}
}

// end is what it means that there is nothing more where a record may begin.
func (w *window) end() error {
	if w.err != nil {
		return w.err
	}
	return io.EOF
}
