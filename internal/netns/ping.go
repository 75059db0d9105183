//go:build linux

package netns

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const icmpv6 = unix.IPPROTO_ICMPV6

// maxEcho is the number of bytes of echo data that an IPv4 packet can hold.
const maxEcho = 0xffff - 20 - 8

// icmpTypes are the types of messages, and a code of one.
type icmpTypes struct {
	echo, echoReply              uint8
	unreachable, portUnreachable uint8
}

// icmpTypesOf returns those of RFC 792 or RFC 4443.
func icmpTypesOf(v6 bool) icmpTypes {
	if v6 {
		return icmpTypes{echo: 128, echoReply: 129, unreachable: 1, portUnreachable: 4}
	}
	return icmpTypes{echo: 8, echoReply: 0, unreachable: 3, portUnreachable: 3}
}

func (p Packet) appendEcho(b []byte) []byte {
	b = append(b, icmpTypesOf(p.Src.Is6()).echo, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, p.SrcPort)
	b = binary.BigEndian.AppendUint16(b, 1) // the sequence number
	return append(b, make([]byte, p.Length)...)
}

// writeSilently writes a ping that the host does not answer.
func (h *Host) writeSilently(p Packet) (Result, error) {
	v6 := p.Src.Is6()
	if err := h.ignorePings(v6, true); err != nil {
		return Result{}, err
	}
	r, err := h.writeNow(p)
	return r, errors.Join(err, h.ignorePings(v6, false))
}

// ignorePings stops the host's answers to pings, or lets them go on. Raw sockets
// and conntrack see the pings all the same (icmp_echo, icmpv6_echo_reply).
func (h *Host) ignorePings(v6, ignore bool) error {
	name, value := "ipv4/icmp_echo_ignore_all", "0"
	if v6 {
		name = "ipv6/icmp/echo_ignore_all"
	}
	if ignore {
		value = "1"
	}
	if err := h.Do(func() error { return writeSysctl(name, value) }); err != nil {
		return fmt.Errorf("silence pings: %w", err)
	}
	return nil
}
