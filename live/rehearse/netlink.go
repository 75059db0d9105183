//go:build linux

package rehearse

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// An attribute is what follows the header of a message of rtnetlink(7).
type attribute struct {
	kind  uint16 // without flags
	flags uint16
	value []byte
}

const flagsOfKind = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER

func attributesOf(b []byte) (all []attribute) {
	for len(b) >= unix.SizeofRtAttr {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			return all
		}
		kind := binary.NativeEndian.Uint16(b[2:])
		all = append(all, attribute{kind &^ flagsOfKind, kind & flagsOfKind, b[unix.SizeofRtAttr:n]})
		b = b[min(len(b), (n+3)&^3):]
	}
	return all
}

func find(all []attribute, kind uint16) []byte {
	if i := slices.IndexFunc(all, func(a attribute) bool { return a.kind == kind }); i >= 0 {
		return all[i].value
	}
	return nil
}

func (a attribute) append(b []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(a.value)))
	b = binary.NativeEndian.AppendUint16(b, a.kind|a.flags)
	b = append(b, a.value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// rebuilt is a message with other attributes.
func rebuilt(header []byte, all []attribute) []byte {
	b := slices.Clone(header)
	for _, a := range all {
		b = a.append(b)
	}
	return b
}

func uint32Of(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func uint32Attribute(kind uint16, v uint32) attribute {
	return attribute{kind: kind, value: binary.NativeEndian.AppendUint32(nil, v)}
}

func addrOf(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// dump is a list that the kernel answers with, as messages without their headers. It
// asks again if the list has changed meanwhile.
func dump(c *netlink.Conn, kind netlink.HeaderType, header int) ([][]byte, error) {
	for try := 1; ; try++ {
		replies, err := c.Execute(netlink.Message{
			Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Dump},
			Data:   make([]byte, header),
		})
		if err != nil && (try >= 10 || !errors.Is(err, unix.EINTR)) {
			return nil, err
		}
		if err != nil {
			continue
		}
		var all [][]byte
		for _, m := range replies {
			if len(m.Data) >= header {
				all = append(all, m.Data)
			}
		}
		return all, nil
	}
}

// request asks for a change. It is no error if what is to be made is there already.
func request(c *netlink.Conn, kind netlink.HeaderType, data []byte) error {
	_, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Append},
		Data:   data,
	})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
