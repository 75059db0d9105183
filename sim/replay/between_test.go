package replay_test

import (
	"net/netip"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/replay"
)

// TestBetween: a packet from one host behind the host to another answers one that was let
// in, or is the first.
func TestBetween(t *testing.T) {
	result, _ := compileBoth(t, []byte("knock nas < 1000 -> 445 at 10.0.0.0/16 >"), nil)
	player, err := replay.New(result)
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.1.5")
	packet := func(src, to netip.Addr, sport, dport uint16, flags lang.Flags) *sim.Packet {
		return &sim.Packet{Iface: "lan0", Src: src, To: to, SrcPort: sport, DstPort: dport, Flags: flags, Unanswered: true}
	}
	for i, test := range []struct {
		packet  *sim.Packet
		answer  bool
		verdict compiler.VerdictKind
	}{
		{packet(a, b, 5000, 445, lang.SYN), false, compiler.Drop},
		{packet(b, a, 445, 5000, lang.SYN|lang.ACK), false, compiler.Passed}, // it was not let in
		{packet(a, b, 4000, 1000, lang.SYN), false, compiler.Passed},
		{packet(a, b, 5001, 445, lang.SYN), false, compiler.Accept},
		{packet(b, a, 445, 5001, lang.SYN|lang.ACK), true, 0},
		{packet(a, b, 5001, 445, lang.ACK), false, compiler.Accept},
		{packet(b, a, 445, 5001, lang.RST), true, 0},
		{packet(a, b, 5001, 445, lang.ACK), false, compiler.Drop},
	} {
		answer := player.Answer(capture.Between, test.packet)
		if answer != test.answer {
			t.Errorf("packet %d: is an answer: %v", i+1, answer)
		}
		if answer {
			continue
		}
		if verdict, _ := player.Packet(test.packet); verdict != test.verdict {
			t.Errorf("packet %d: %s, want %s", i+1, verdict, test.verdict)
		}
	}
}
