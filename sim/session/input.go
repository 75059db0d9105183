package session

import (
	"errors"
	"io"
	"io/fs"
	"math"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/capture"
)

// input is a trace or a capture. It can be read again and again, and is to be closed.
type input struct {
	content
	name string
}

// content is a file, or what takes its place.
type content interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// openInput opens a trace or a capture.
func openInput(open func(string) (io.ReadCloser, error), name string) (*input, error) {
	f, err := open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	if c, ok := f.(content); ok && isRegular(f) {
		return &input{c, name}, nil
	}
	return &input{&spool{in: f}, name}, nil
}

// isRegular is false for a pipe or a device, which only seems to be able to seek.
func isRegular(f io.ReadCloser) bool {
	file, ok := f.(fs.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// reason is an error without the name of the file.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// isCapture reports whether the input is a capture, and not a trace. It is an error if it
// is compressed.
func (in *input) isCapture() (bool, error) {
	var begin [4]byte
	n, err := io.ReadFull(in, begin[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, readError(in.name, err)
	}
	if err := capture.Compressed(begin[:n]); err != nil {
		return false, &FaultyCapture{in.name, err}
	}
	return capture.IsCapture(begin[:n]), nil
}

// reader reads the input as a trace, from its beginning.
func (in *input) reader() (*trace.Reader, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, readError(in.name, err)
	}
	return trace.NewReader(in), nil
}

// again reads what was read as a trace before, independent of other readers.
func (in *input) again() *trace.Reader {
	return trace.NewReader(io.NewSectionReader(in, 0, math.MaxInt64))
}
