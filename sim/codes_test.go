package sim_test

import (
	"testing"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// TestCodes: a code lets one packet through, whoever sends it, until it ends. If that is in
// doubt for one packet, it is for the copies of the packet.
func TestCodes(t *testing.T) {
	r := ruleset(2, []compiler.Instruction{compiler.Spend{Set: "codes"}, compiler.Verdict{Kind: compiler.Drop}})
	r.Sets = append(r.Sets, &compiler.Set{Name: "codes", Codes: true, Size: 9, Collect: time.Minute})
	for name, clock := range map[string]sim.Clock{"exact": {}, "ticks": {HZ: 100}, "unknown": {HZ: 100, Unknown: true}} {
		m, err := sim.NewTicking(r, clock)
		if err != nil {
			t.Fatal(err)
		}
		for i := range byte(4) {
			m.AddCode("codes", codes.Code{i + 1}, time.Minute)
		}
		for i, step := range []struct {
			at          time.Duration
			code        byte
			want, doubt bool
		}{
			{0, 0, false, false},
			{0, 1, true, false},
			{0, 1, false, false},
			{time.Second, 1, false, false},
			{time.Second, 9, false, false},
			{59 * time.Second, 2, true, false},
			{time.Minute - time.Millisecond, 3, true, clock.Unknown},
			{time.Minute - time.Millisecond, 3, false, false},
			{time.Minute, 3, false, false},
			{time.Minute, 4, false, false},
		} {
			p := sim.Packet{Time: step.at, Src: source(i), Proto: lang.UDP, DstPort: 9, Code: codes.Code{step.code}}
			verdict, changes := m.Packet(&p)
			if spent := verdict == compiler.Drop; spent != step.want && m.Doubt() == nil || (m.Doubt() != nil) != step.doubt {
				t.Errorf("%s, step %d: spent %v, doubt %v", name, i, spent, m.Doubt())
			}
			for _, c := range changes {
				if c.Set != "codes" || c.Code != p.Code || !c.Ended || c.Src.IsValid() {
					t.Errorf("%s, step %d: %+v", name, i, c)
				}
			}
			if len(changes) > 0 != step.want {
				t.Errorf("%s, step %d: %d changes", name, i, len(changes))
			}
		}
		for e := range m.Elements(0) {
			t.Errorf("%s: an element %+v", name, e)
		}
	}
}
