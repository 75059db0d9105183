package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// record is the recorded part of one frame of a capture.
type record struct {
	data  []byte // valid until the next record
	wire  int    // the frame's length; data may be shorter
	at    int64  // nanoseconds since 1970; unknown if untimed
	port  *port
	timed bool
}

// reader reads the records of a file.
type reader struct {
	file  *limited
	begun pcapFile
	ports []*port // of the section
	read  int     // records
}

const bufferSize = 64 << 10

// newReader reads the beginning of a capture.
func newReader(from io.Reader) (*reader, error) {
	r := &reader{file: &limited{Reader: from, left: maxRecord}}
	buf := bufio.NewReaderSize(r.file, bufferSize)
	begin, _ := buf.Peek(magicSize)
	var err error
	switch f := formatOf(begin); f {
	case pcap:
		err = r.openPcap(buf)
	case pcapng:
		err = r.openPcapng(buf)
	case "":
		err = errors.New("neither a pcap nor a pcapng capture")
	default:
		return nil, f.compressed()
	}
	if err != nil {
		return nil, r.failure(err, 0)
	}
	return r, nil
}

// Error says that the structure of a capture is broken.
type Error struct {
	Record  int // which could not be read, counted from 1; 0: the file's header
	Problem string
}

func (e *Error) Error() string {
	if e.Record == 0 {
		return e.Problem
	}
	return fmt.Sprintf("packet %d: %s", e.Record, e.Problem)
}

// failure is why the reading ended at a record: the file could not be read, or is broken.
func (r *reader) failure(err error, record int) error {
	switch {
	case r.file.err == errTooLong:
		err = errTooLong
	case r.file.err != nil:
		return r.file.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the file is cut short")
	}
	return &Error{record, strings.ToLower(err.Error()[:1]) + err.Error()[1:]}
}
