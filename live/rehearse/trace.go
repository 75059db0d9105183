//go:build linux

package rehearse

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// tracing is a table that has the kernel tell of every packet which rules it meets. It is
// a table of its own, since it must see packets before all others do.
const tracing = `
table inet knockc_rehearsal {
	chain first {
		type filter hook prerouting priority -450; policy accept;
		meta nftrace set 1
	}
}
`

const tracingTable = "table inet knockc_rehearsal"

// event is what the kernel tells of a packet: a rule that it met, or the end of a base
// chain (nft_trace_notify).
type event struct {
	chain
	handle  uint64 // of the rule, if one decided
	kind    uint32
	verdict int32
}

// The kinds of events (enum nft_trace_types).
const (
	policyEvent = 1
	ruleEvent   = 3
)

const (
	dropVerdict   = 0 // NF_DROP
	acceptVerdict = 1 // NF_ACCEPT
)

// tracer receives what the kernel tells. Messages about a packet are there when the packet
// has been written.
type tracer struct{ fd int }

// newTracer is for the thread's network namespace.
func newTracer() (*tracer, error) {
	const group = 9      // NFNLGRP_NFTRACE
	const room = 4 << 20 // for what one packet may meet
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	t := &tracer{fd}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.close()
		return nil, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
		t.close()
		return nil, fmt.Errorf("ask the kernel for traces: %w", err)
	}
	return t, nil
}

func (t *tracer) close() { unix.Close(t.fd) }

// events are those since the last call, without those of the tracing table.
func (t *tracer) events() ([]event, error) {
	var all []event
	b := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(t.fd, b, 0)
		switch err {
		case nil:
			all = append(all, eventsOf(b[:n])...)
		case unix.EINTR:
		case unix.EAGAIN:
			return all, nil
		default:
			return nil, fmt.Errorf("read traces: %w", err)
		}
	}
}

// eventsOf reads a datagram of the kernel's.
func eventsOf(b []byte) (all []event) {
	const headers = unix.SizeofNlMsghdr + 4
	for len(b) >= headers {
		n := int(binary.NativeEndian.Uint32(b))
		if n < headers || n > len(b) {
			return all
		}
		kind := binary.NativeEndian.Uint16(b[4:])
		if e := eventOf(b[unix.SizeofNlMsghdr], attributesOf(b[headers:n])); kind == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_TRACE && e.table != tracingTable {
			all = append(all, e)
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return all
}

// The attributes of a message (enum nft_trace_attributes).
const (
	traceTable   = 1
	traceChain   = 2
	traceHandle  = 3
	traceType    = 4
	traceVerdict = 5
	tracePolicy  = 16
)

func eventOf(family byte, all []attribute) event {
	e := event{
		chain: chain{"table " + families[family] + " " + unix.ByteSliceToString(find(all, traceTable)), unix.ByteSliceToString(find(all, traceChain))},
		kind:  bigEndian(find(all, traceType)),
	}
	if b := find(all, traceHandle); len(b) == 8 {
		e.handle = binary.BigEndian.Uint64(b)
	}
	code := find(attributesOf(find(all, traceVerdict)), unix.NFTA_VERDICT_CODE)
	if e.kind == policyEvent {
		code = find(all, tracePolicy)
	}
	e.verdict = int32(bigEndian(code))
	return e
}

func bigEndian(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}
