package spec

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// drawEndingCodes draws a pair whose packets have codes that end about when they arrive.
func drawEndingCodes(t *rapid.T) *pair {
	const text = `knock a < otp/1006 -> 2001 key "k" period 10s ahead 20s per /31 /64 >
		knock b < 1001 otp/1006 -> 2002 key "k" period 10s ahead 20s once >`
	const end = time.Second
	var events []trace.Event
	at := end - 12*time.Millisecond
	send := func(src netip.Addr, proto lang.Proto, port uint16) *trace.Packet {
		p := &trace.Packet{Src: src, Proto: proto, DstPort: port}
		if proto == lang.TCP {
			p.Flags = lang.SYN
		}
		events = append(events, trace.Event{At: at, Packet: p})
		return p
	}
	for range rapid.IntRange(2, 6).Draw(t, "codes") {
		at += time.Duration(rapid.IntRange(0, 6).Draw(t, "gap")) * time.Millisecond
		src := netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(0, 7).Draw(t, "source"))})
		knock := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "knock")
		if knock == "b" {
			send(src, lang.TCP, 1001)
		}
		offset := rapid.SampledFrom([]time.Duration{-codePeriod, -codePeriod, 0}).Draw(t, "offset")
		send(src, lang.UDP, 1006).Code = &trace.Code{Knock: knock, Offset: offset - at/2} // from the middle of a period
		send(src, lang.TCP, map[string]uint16{"a": 2001, "b": 2002}[knock])
	}
	p, err := newPair(text, text, events)
	if err != nil {
		t.Fatal(err)
	}
	p.start = int64((codePeriod - end) / time.Second)
	return p
}

// TestEndingCodesOnKernel: codes end in the very jiffy in which model and simulator end them.
func TestEndingCodesOnKernel(t *testing.T) {
	var pairs []*pair
	for seed := range hostsAtOnce {
		pairs = append(pairs, rapid.Custom(drawEndingCodes).Example(seed))
	}
	var total tally
	ends := 0
	for _, o := range onKernel(t, pairs) {
		total.judge(t, o)
		total.traces++
		for i, e := range o.events {
			if c := e.Packet.Code; c != nil && o.sure[i] && c.Offset < -codePeriod && e.At >= time.Second-4*time.Millisecond && e.At <= time.Second {
				ends++
			}
		}
	}
	t.Logf("%v; %d codes within a tick of their end", &total, ends)
	if ends < 20 {
		t.Errorf("only %d codes came within a tick of their end", ends)
	}
}
