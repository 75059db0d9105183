package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
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
		quoted := `"` + text + `"` // as the shell has taken the quotes away
		name, problem, _ := lang.ParseIface(quoted)
		switch {
		case problem != "":
			return errors.New(strings.Replace(problem, lang.Quote(quoted), lang.Quote(text), 1))
		case strings.HasSuffix(name, "*"):
			return fmt.Errorf("%s stands for many interfaces, but a packet arrives on one", lang.Quote(text))
		}
		o.Iface = name
		return nil
	})
	return o
}

// captureError tells what is wrong with a capture.
func (s *streams) captureError(name string, err error) error {
	var broken *capture.Error
	var unknown *capture.UnknownHostError
	if errors.As(err, &broken) || errors.As(err, &unknown) {
		err = fmt.Errorf("%s: %w", name, err)
		s.tell(err)
		return &toldError{errInput, err}
	}
	return fmt.Errorf("cannot read %s: %w", name, reason(err))
}

// wideEvent is a packet whose row is as wide as that of most, to align by.
var wideEvent = &trace.Event{
	At:     1000*time.Second - 1,
	Packet: &trace.Packet{Src: netip.AddrFrom4([4]byte{198, 51, 100, 100}), SrcPort: 50000, DstPort: 50000, Flags: lang.PSH | lang.ACK},
}

// wideForwarded is one that goes on to another host.
var wideForwarded = func() *trace.Event {
	e, k := *wideEvent, *wideEvent.Packet
	k.To = &trace.To{Addr: k.Src}
	e.Packet = &k
	return &e
}()

// somePacket stands for all packets where nobody asks which it is.
var somePacket = &trace.Event{Packet: &trace.Packet{}}

// capturedEvent is the event of a trace that a captured packet corresponds to; its
// line is the packet's number in the capture.
func capturedEvent(p *sim.Packet, number int) *trace.Event {
	k := &trace.Packet{Src: p.Src, SrcPort: p.SrcPort, Proto: p.Proto, DstPort: p.DstPort, Flags: p.Flags}
	if p.Proto == lang.Ping {
		k.Ping = &trace.Ping{Length: uint16(p.Length)}
	}
	if p.To.IsValid() {
		k.To = &trace.To{Addr: p.To}
	}
	if p.Iface != trace.DefaultIface {
		k.On = &lang.Name{Text: p.Iface}
	}
	return &trace.Event{At: p.Time, Packet: k, Span: lang.Span{Start: lang.Pos{Line: number}}}
}
