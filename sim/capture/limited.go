package capture

import (
	"fmt"
	"io"
)

// maxRecord is how much of a file one record may take, with all that stands before it.
// A length in a file may be a lie.
const maxRecord = 16 << 20

var errTooLong = fmt.Errorf("it is longer than %d MiB", maxRecord>>20)

// limited is a file that ends with errTooLong.
type limited struct {
	io.Reader
	left int   // bytes for the record that is being read
	err  error // of reading; pcapgo hides some
}

func (l *limited) Read(b []byte) (n int, err error) {
	if l.left <= 0 {
		l.err = errTooLong
		return 0, errTooLong
	}
	n, err = l.Reader.Read(b)
	l.left -= n
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}
