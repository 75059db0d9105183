//go:build linux

// Package nftrace receives what the kernel tells of packets that a rule has marked with
// `meta nftrace set 1`: which rules they met, and what became of them.
package nftrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sys/unix"
)

// Event is what the kernel tells of a packet: a rule that it met, or the end of a base
// chain (nft_trace_notify).
type Event struct {
	Chain
	ID      uint32 // of the packet; another one may have it later
	Handle  uint64 // of the rule, if one decided
	Kind    Kind
	Verdict Verdict
	To      string // the chain that the verdict leads to, of Jump and Goto

	// The packet's headers, in the first event of each base chain.
	Network, Transport []byte
	Protocol           byte // of Network: NFPROTO_IPV4 or NFPROTO_IPV6
}

// Chain is a chain of a table.
type Chain struct {
	Table string // as nft lists it: `table inet filter`
	Name  string
}

// Kind is what an event is about (enum nft_trace_types).
type Kind uint32

// The kinds of events that matter.
const (
	Policy   Kind = 1 // the end of a base chain
	returned Kind = 2 // the end of another, and in older kernels a rule that returns
	Rule     Kind = 3
)

// Verdict is what a rule or a base chain says.
type Verdict int32

// The verdicts. The first two end a packet's way through a base chain (NF_DROP, NF_ACCEPT).
const (
	Drop   Verdict = 0
	Accept Verdict = 1
	Jump   Verdict = unix.NFT_JUMP
	Goto   Verdict = unix.NFT_GOTO
	Return Verdict = unix.NFT_RETURN
)

func (v Verdict) String() string {
	return map[Verdict]string{Drop: "drop", Accept: "accept"}[v]
}

// Ends reports whether the packet's way through a base chain ends there.
func (e Event) Ends() bool { return e.Kind == Policy || e.Kind == Rule && e.Verdict >= 0 }

// Tracer receives events. Those about a packet are there when it has passed the rules.
type Tracer struct{ fd int }

// NewTracer is for the thread's network namespace.
func NewTracer() (*Tracer, error) {
	const group = 9      // NFNLGRP_NFTRACE
	const room = 4 << 20 // for what one packet may meet
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	t := &Tracer{fd}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Close()
		return nil, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
		t.Close()
		return nil, fmt.Errorf("ask the kernel for traces: %w", err)
	}
	return t, nil
}

// Close ends the connection to the kernel.
func (t *Tracer) Close() { unix.Close(t.fd) }

// Wait waits until there are events, or for as long as patience says.
func (t *Tracer) Wait(patience time.Duration) error {
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
	if err == unix.EINTR {
		err = nil
	}
	return err
}

// Events are those since the last call, in order. The error is ENOBUFS if some are lost.
func (t *Tracer) Events() ([]Event, error) {
	var all []Event
	var lost error
	b := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(t.fd, b, 0)
		switch err {
		case nil:
			all = append(all, eventsOf(b[:n])...)
		case unix.EINTR:
		case unix.ENOBUFS: // the kernel has kept those from before
			lost = fmt.Errorf("read traces: %w", err)
		case unix.EAGAIN:
			return all, lost
		default:
			return all, fmt.Errorf("read traces: %w", err)
		}
	}
}

// eventsOf reads a datagram of the kernel's.
func eventsOf(b []byte) (all []Event) {
	const headers = unix.SizeofNlMsghdr + 4
	for len(b) >= headers {
		n := int(binary.NativeEndian.Uint32(b))
		if n < headers || n > len(b) {
			return all
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_TRACE {
			all = append(all, eventOf(b[unix.SizeofNlMsghdr], b[headers:n]))
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return all
}

// families are the families of tables by their numbers (NFPROTO_INET).
var families = map[byte]string{1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

// The attributes of a message (enum nft_trace_attributes).
const (
	traceTable     = 1
	traceChain     = 2
	traceHandle    = 3
	traceType      = 4
	traceVerdict   = 5
	traceID        = 6
	traceNetwork   = 8
	traceTransport = 9
	traceProtocol  = 15
	tracePolicy    = 16
)

func eventOf(family byte, b []byte) (e Event) {
	var verdict, policy []byte
	for kind, value := range attributes(b) {
		switch kind {
		case traceTable:
			e.Table = "table " + families[family] + " " + unix.ByteSliceToString(value)
		case traceChain:
			e.Name = unix.ByteSliceToString(value)
		case traceHandle:
			e.Handle = bigEndian(value)
		case traceType:
			e.Kind = Kind(bigEndian(value))
		case traceID:
			e.ID = uint32(bigEndian(value))
		case traceNetwork:
			e.Network = bytes.Clone(value)
		case traceTransport:
			e.Transport = bytes.Clone(value)
		case traceProtocol:
			e.Protocol = byte(bigEndian(value))
		case traceVerdict:
			for kind, value := range attributes(value) {
				switch kind {
				case unix.NFTA_VERDICT_CODE:
					verdict = value
				case unix.NFTA_VERDICT_CHAIN:
					e.To = unix.ByteSliceToString(value)
				}
			}
		case tracePolicy:
			policy = value
		}
	}
	if e.Kind == Policy {
		verdict = policy
	}
	e.Verdict = Verdict(bigEndian(verdict))
	if e.Kind == returned && e.Verdict == Return {
		e.Kind = Rule
	}
	return e
}

// attributes yields the kinds and values of attributes, as far as they are whole.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofNlAttr {
			n := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if n < unix.SizeofNlAttr || n > len(b) || !yield(kind, b[unix.SizeofNlAttr:n]) {
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
}

// bigEndian is a number of any length.
func bigEndian(b []byte) (n uint64) {
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	return n
}
