package session

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxHeld is how many bytes of what can be read only once are held in memory.
const maxHeld = 4 << 20

// spool makes readable again what can be read only once. It keeps what was read, and reads
// no more than it is asked for, because there may be no end.
type spool struct {
	in   io.ReadCloser
	held []byte   // all that was read, while it is not long
	file *os.File // all that was read, if it is long
	name string   // of the file; "" where files need none
	size int64    // of what was read
	next int64    // where to read next
}

func (s *spool) Read(p []byte) (int, error) {
	if s.next < s.size {
		n, err := s.ReadAt(p[:min(int64(len(p)), s.size-s.next)], s.next)
		s.next += int64(n)
		return n, err
	}
	n, err := s.in.Read(p)
	if keepErr := s.keep(p[:n]); keepErr != nil {
		return 0, fmt.Errorf("it cannot be kept in a temporary file in %s: %w", os.TempDir(), reason(keepErr))
	}
	s.next = s.size
	return n, err
}

// ReadAt reads what was read before.
func (s *spool) ReadAt(p []byte, at int64) (int, error) {
	switch {
	case s.file != nil:
		return s.file.ReadAt(p, at)
	case at >= s.size:
		return 0, io.EOF
	}
	n := copy(p, s.held[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Seek goes to a place counted from the beginning, which was read before.
func (s *spool) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 || offset > s.size {
		return s.next, errors.New("cannot go there")
	}
	s.next = offset
	return offset, nil
}

// keep keeps what was read for the first time.
func (s *spool) keep(p []byte) (err error) {
	s.size += int64(len(p))
	if s.file == nil && s.size <= maxHeld {
		s.held = append(s.held, p...)
		return nil
	}
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "knockc-*"); err != nil {
			return err
		}
		if os.Remove(s.file.Name()) != nil { // Windows does not remove a file that is open
			s.name = s.file.Name()
		}
		p, s.held = append(s.held, p...), nil
	}
	_, err = s.file.Write(p)
	return err
}

func (s *spool) Close() error {
	err := s.in.Close()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	return err
}
