//go:build !js

package capture

import (
	"bufio"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
)

// pcapFile is a file whose header was read.
type pcapFile struct {
	pcap *pcapgo.Reader   // or
	ng   *pcapgo.NgReader // this
}

func (r *reader) openPcap(buf *bufio.Reader) error {
	var err error
	if r.begun.pcap, err = pcapgo.NewReader(buf); err != nil {
		return err
	}
	link := linkType(r.begun.pcap.LinkType())
	if !link.known() {
		return fmt.Errorf("link type %d is not supported; supported are %s", link, linkTypes)
	}
	r.ports = []*port{{link: link}}
	return nil
}

func (r *reader) openPcapng(buf *bufio.Reader) error {
	var err error
	r.begun.ng, err = pcapgo.NewNgReader(buf, pcapgo.NgReaderOptions{
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
	if r.begun.pcap != nil {
		rec.data, info, err = r.begun.pcap.ZeroCopyReadPacketData()
	} else {
		rec.data, info, _, err = r.begun.ng.ZeroCopyReadPacketDataWithOptions() // copies less than without
		if err == nil && r.begun.ng.NInterfaces() > len(r.ports) {
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

const (
	maxPorts = 1 << 16
	maxUnit  = 19 // decimals of a second; more overflow in pcapgo, and fractions of 2, above them, are rounded
)

// addPorts adds the interfaces that a pcapng section has described since the last record.
func (r *reader) addPorts() error {
	if r.begun.ng.NInterfaces() > maxPorts {
		return fmt.Errorf("more than %d interfaces in a section", maxPorts)
	}
	for i := len(r.ports); i < r.begun.ng.NInterfaces(); i++ {
		described, err := r.begun.ng.Interface(i)
		if err != nil {
			return err
		}
		if unit := described.TimestampResolution; unit > maxUnit {
			return fmt.Errorf("interface %d has an unsupported unit of time: if_tsresol is %#x, expected at most %d", i, byte(unit), maxUnit)
		}
		r.ports = append(r.ports, &port{linkType(described.LinkType), ifaceName(described.Name)})
	}
	return nil
}
