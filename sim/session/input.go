package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"knockc/lang/trace"
	"knockc/sim/capture"
)

// input is a trace or a capture. It can be read again and again, and is to be closed.
type input struct {
	content
	name string
}

// content is what a file, or text in memory, offers.
type content interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// openInput opens a trace or a capture. What can be read only once is read now.
func openInput(open func(string) (io.ReadCloser, error), name string) (*input, error) {
	f, err := open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	if f, ok := f.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return &input{f, name}, nil
		}
	}
	defer f.Close()
	held, err := spool(f)
	if err != nil {
		return nil, readError(name, err)
	}
	return &input{held, name}, nil
}

// maxHeld is how many bytes of what can be read only once are held in memory.
const maxHeld = 4 << 20

// spool makes readable again what can be read only once: in memory, or if it is long
// in a temporary file, which has lost its name already.
func spool(in io.Reader) (content, error) {
	var begin bytes.Buffer
	if _, err := io.CopyN(&begin, in, maxHeld); err == io.EOF {
		return inMemory{bytes.NewReader(begin.Bytes())}, nil
	} else if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "knockc-*")
	if err != nil {
		return nil, spoolError(err)
	}
	os.Remove(f.Name())
	if _, err := io.Copy(spoolWriter{f}, io.MultiReader(&begin, in)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// spoolWriter says of a failure that it is not the input's.
type spoolWriter struct{ f *os.File }

func (w spoolWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = spoolError(err)
	}
	return n, err
}

func spoolError(err error) error {
	return fmt.Errorf("it cannot be kept in a temporary file in %s: %w", os.TempDir(), reason(err))
}

// reason is an error without the name of the file.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// inMemory is content that is held.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// isCapture reports whether the input is a capture, and not a trace.
func (in *input) isCapture() bool {
	var begin [4]byte
	n, _ := in.ReadAt(begin[:], 0)
	return capture.IsCapture(begin[:n])
}

// reader reads the input as a trace, from its beginning.
func (in *input) reader() (*trace.Reader, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, readError(in.name, err)
	}
	return trace.NewReader(in), nil
}
