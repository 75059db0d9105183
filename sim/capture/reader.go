package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
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
	pcap  *pcapgo.Reader   // or
	ng    *pcapgo.NgReader // this
	ports []*port          // of the section
	read  int              // records
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

func (r *reader) openPcap(buf *bufio.Reader) error {
	var err error
	if r.pcap, err = pcapgo.NewReader(buf); err != nil {
		return err
	}
	link := linkType(r.pcap.LinkType())
	if !link.known() {
		return fmt.Errorf("link type %d is not supported; supported are %s", link, linkTypes)
	}
	r.ports = []*port{{link: link}}
	return nil
}

func (r *reader) openPcapng(buf *bufio.Reader) error {
	var err error
	r.ng, err = pcapgo.NewNgReader(buf, pcapgo.NgReaderOptions{
		WantMixedLinkType:  true,
		SectionEndCallback: func([]pcapgo.NgInterface, pcapgo.NgSectionInfo) { r.ports = nil },
	})
	return err
}

// next reads the next record; io.EOF if there is none.
func (r *reader) next(rec *record) (err error) {
	defer func() {
		if p := recover(); p != nil { // on 32 bits, pcapgo takes a large number for a negative index
			err = r.failure(fmt.Errorf("it makes no sense: %v", p), r.read+1)
		}
	}()
	var info gopacket.CaptureInfo
	if r.pcap != nil {
		rec.data, info, err = r.pcap.ZeroCopyReadPacketData()
	} else {
		rec.data, info, _, err = r.ng.ZeroCopyReadPacketDataWithOptions() // copies less than without
		if err == nil && r.ng.NInterfaces() > len(r.ports) {
			err = r.addPorts()
		}
	}
	switch {
	case err == io.EOF && info.CaptureLength == 0: // else the file ends after the header of a packet
		return io.EOF
	case err != nil:
		return r.failure(err, r.read+1)
	}
	r.read++
	r.file.left = maxRecord
	rec.wire, rec.port = max(info.CaptureLength, info.Length), r.ports[info.InterfaceIndex]
	rec.at, rec.timed = info.Timestamp.UnixNano(), !info.Timestamp.IsZero()
	return nil
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
