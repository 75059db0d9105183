package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/capture"
)

// captureFlags declares the flags that say what captures leave open.
func captureFlags(flags *flag.FlagSet) *capture.Options {
	o := &capture.Options{}
	flags.Func("host", "in captures, the host has the `ADDRESS`; may be given several times", func(text string) error {
		host, err := netip.ParseAddr(text)
		if err != nil {
			return errors.New("wanted an IP address")
		}
		o.Hosts = append(o.Hosts, host)
		return nil
	})
	flags.Func("iface", "in captures, packets arrive on the interface `NAME`", func(text string) error {
		if text == "" || len(text) > 15 {
			return errors.New("wanted an interface's name, at most 15 bytes")
		}
		o.Iface = text
		return nil
	})
	return o
}

// readTrace reads a trace, or opens a capture, which is not read whole unless it
// comes from standard input. A capture is to be closed.
func (s *streams) readTrace(name string, o *capture.Options) ([]byte, *openCapture, error) {
	if f := captureFile(name); f != nil {
		source, err := capture.OpenFile(f, *o)
		if err != nil {
			f.Close()
			return nil, nil, s.captureError(name, err)
		}
		return nil, &openCapture{source, f}, nil
	}
	src, err := s.read(name)
	if err != nil || !capture.IsCapture(src) {
		return src, nil, err
	}
	source, err := capture.Open(src, *o)
	if err != nil {
		return nil, nil, s.captureError(name, err)
	}
	return nil, &openCapture{source, io.NopCloser(nil)}, nil
}

type openCapture struct {
	*capture.Source
	io.Closer
}

// captureFile opens a regular file that is a capture; nil if it is none.
func captureFile(name string) *os.File {
	info, err := os.Stat(name)
	if name == stdio || err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil // to be told by who reads it
	}
	var begin [4]byte
	if _, err := io.ReadFull(f, begin[:]); err != nil || !capture.IsCapture(begin[:]) {
		f.Close()
		return nil
	}
	return f
}

// captureError tells what is wrong with a capture.
func (s *streams) captureError(name string, err error) error {
	var broken *capture.Error
	var unknown *capture.UnknownHostError
	if errors.As(err, &broken) || errors.As(err, &unknown) {
		s.tell(fmt.Errorf("%s: %w", name, err))
		return errInput
	}
	return fmt.Errorf("cannot read %s: %w", name, reason(err))
}

// wideTrace has a packet whose row is as wide as that of most, to align by.
var wideTrace = &trace.Trace{Events: []trace.Event{{
	At:     1000*time.Second - 1,
	Packet: &trace.Packet{Src: netip.AddrFrom4([4]byte{198, 51, 100, 100}), SrcPort: 50000, DstPort: 50000, Flags: lang.PSH | lang.ACK},
}}}

// somePacket stands for all packets where nobody asks which it is.
var somePacket = &trace.Event{Packet: &trace.Packet{}}

// capturedEvent is the event of a trace that a captured packet corresponds to; its
// line is the packet's number in the capture.
func capturedEvent(p *sim.Packet, number int) *trace.Event {
	k := &trace.Packet{Src: p.Src, SrcPort: p.SrcPort, Proto: p.Proto, DstPort: p.DstPort, Flags: p.Flags}
	if p.Proto == lang.Ping {
		k.Ping = &trace.Ping{Length: uint16(p.Length)}
	}
	if p.Iface != trace.DefaultIface {
		k.On = &lang.Name{Text: p.Iface}
	}
	return &trace.Event{At: p.Time, Packet: k, Span: lang.Span{Start: lang.Pos{Line: number}}}
}
