//go:build linux

package live

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// dumper asks the kernel for lists.
type dumper interface {
	// dump asks for a list and hands over its entries, which are valid until each returns.
	// The list is not whole if someone has changed it meanwhile.
	dump(kind netlink.HeaderType, data []byte, each func(entry []byte)) (whole bool, err error)
}

// socketDumper is a dumper on a socket. A table has a list of rules for each of its chains,
// of which there may be tens of thousands: so all answers are read into one buffer, and
// each list takes one system call to ask and two to read. The library takes four times as
// long.
type socketDumper struct {
	socket   syscall.RawConn
	buffer   []byte
	sequence uint32
}

func newDumper(c *netlink.Conn) (dumper, error) {
	socket, err := c.SyscallConn()
	const largest = 1 << 16 // the kernel sends no more than 32 KiB at a time (netlink_dump)
	return &socketDumper{socket: socket, buffer: make([]byte, largest)}, err
}

func (d *socketDumper) dump(kind netlink.HeaderType, data []byte, each func(entry []byte)) (whole bool, err error) {
	d.sequence++
	if err := d.ask(kind, data); err != nil {
		return false, err
	}
	for whole = true; ; {
		answers, err := d.receive()
		if err != nil {
			return false, err
		}
		for _, m := range answers {
			switch {
			case m.Header.Seq != d.sequence: // an answer to a request that was given up
			case m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR:
				return whole && m.Header.Flags&unix.NLM_F_DUMP_INTR == 0, failure(m)
			default:
				whole = whole && m.Header.Flags&unix.NLM_F_DUMP_INTR == 0
				each(m.Data)
			}
		}
	}
}

func (d *socketDumper) ask(kind netlink.HeaderType, data []byte) error {
	request, err := netlink.Message{
		Header: netlink.Header{
			Length:   uint32(unix.NLMSG_HDRLEN + len(data)),
			Type:     kind,
			Flags:    netlink.Request | netlink.Dump,
			Sequence: d.sequence,
		},
		Data: data,
	}.MarshalBinary()
	if err != nil {
		return err
	}
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	var sendErr error
	err = d.socket.Write(func(fd uintptr) (done bool) {
		sendErr = unix.Sendto(int(fd), request, 0, kernel)
		return sendErr != unix.EAGAIN && sendErr != unix.EINTR
	})
	if err == nil {
		err = sendErr
	}
	return err
}

func (d *socketDumper) receive() ([]syscall.NetlinkMessage, error) {
	n, readErr := 0, error(nil)
	err := d.socket.Read(func(fd uintptr) (done bool) {
		n, _, readErr = unix.Recvfrom(int(fd), d.buffer, 0)
		return readErr != unix.EAGAIN && readErr != unix.EINTR
	})
	if err == nil {
		err = readErr
	}
	if err != nil {
		return nil, err
	}
	return syscall.ParseNetlinkMessage(d.buffer[:n])
}

// failure is what the last answer says has gone wrong, nil if nothing has.
func failure(m syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return fmt.Errorf("an answer of %d bytes", len(m.Data))
	}
	if number := int32(binary.NativeEndian.Uint32(m.Data)); number < 0 {
		return unix.Errno(-number)
	}
	return nil
}
