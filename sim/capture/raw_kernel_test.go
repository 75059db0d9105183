//go:build linux

package capture_test

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sendFragments sends the host what TestFragments reads, each datagram to a port of its
// own: not what takes time, nor what is malformed. The latter goes past reassembly to
// the rules (nf_ct_frag6_gather), for which it is invalid.
func (n network) sendFragments(t *testing.T) {
	t.Helper()
	err := n.Peer.Do(func() error {
		for i, test := range fragmentTests {
			for _, family := range []string{"4", "6"} {
				if test.not == family || strings.HasPrefix(test.want, "[malformed]") || test.parts[len(test.parts)-1].at > 0 {
					continue
				}
				src, dst := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")
				if family == "6" {
					src, dst = netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::1")
				}
				data := udpDatagram(uint16(50000+i), uint16(60000+i), make([]byte, 92)...)
				for _, p := range test.parts {
					if err := sendRaw(p.frame(src, dst, udp, uint16(1000+i), data), dst); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sendRaw sends an IP datagram as it is, except for the checksum of an IPv4 header.
func sendRaw(datagram []byte, dst netip.Addr) error {
	family := unix.AF_INET6
	var to unix.Sockaddr = &unix.SockaddrInet6{Addr: dst.As16()}
	if dst.Is4() {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Addr: dst.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, datagram, 0, to)
}
