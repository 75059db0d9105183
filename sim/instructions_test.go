package sim_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/samples"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// TestEveryInstruction: a machine runs each instruction, and breaks the rule for packets of
// a family that the instruction is not for. It makes elements if the instruction says so.
func TestEveryInstruction(t *testing.T) {
	sources := map[compiler.Family]netip.Addr{compiler.IPv4: source(1), compiler.IPv6: netip.MustParseAddr("2001:db8::1")}
	for _, s := range append(samples.All(), samples.Endings()...) {
		m, err := sim.New(samples.Ruleset(samples.Rule("", s.Instruction, compiler.Verdict{Kind: compiler.Drop})))
		if err != nil {
			t.Errorf("%T%+v: %v", s.Instruction, s.Instruction, err)
			continue
		}
		made := map[string]bool{}
		for f, src := range sources {
			for _, proto := range []lang.Proto{lang.TCP, lang.UDP, lang.Ping} {
				verdict, changes := m.Packet(&sim.Packet{Src: src, Proto: proto, DstPort: 22, Flags: lang.SYN, Iface: "eth0"})
				if !s.RunsFor(f) && (verdict != compiler.Passed || len(changes) > 0) {
					t.Errorf("%T%+v does not break for %s from %s: %s", s.Instruction, s.Instruction, proto, src, verdict)
				}
				for _, c := range changes {
					made[c.Set] = made[c.Set] || !c.Ended
				}
			}
		}
		says := map[string]bool{}
		s.Refs(func(r compiler.Ref) {
			if r.Makes {
				says[r.Name] = true
			}
		})
		if !maps.Equal(made, says) {
			t.Errorf("%T%+v makes elements of %v, it says of %v", s.Instruction, s.Instruction, made, says)
		}
	}
}

// TestUnknownInstruction: a machine does not run a ruleset of which it does not know all.
func TestUnknownInstruction(t *testing.T) {
	type unknown struct{ compiler.Log }
	for _, rest := range [][]compiler.Instruction{nil, {compiler.Lookup{Set: "s4"}}} { // for IPv6 such a rule is left out
		_, err := sim.New(samples.Ruleset(samples.Rule("", append(rest, unknown{})...)))
		if err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("the error is %v", err)
		}
	}
}
