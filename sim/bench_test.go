package sim_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

func benchRuleset(b *testing.B, knocks int) (*compiler.Ruleset, *lang.Policy) {
	b.Helper()
	policy, _ := lang.Examine([]byte(seeded.Policy(knocks)))
	result, found := compiler.Compile(policy)
	if len(found) > 0 {
		b.Fatal(found)
	}
	return result.Ruleset, policy
}

// benchPackets are SYNs of 5,000 sources, one in ten of which knocks, the others go to
// random ports.
func benchPackets(policy *lang.Policy, n int) []sim.Packet {
	r := rand.New(rand.NewPCG(2, 3))
	packets := make([]sim.Packet, 0, n)
	at := time.Duration(0)
	add := func(src int, port uint16) {
		at += 100 * time.Microsecond
		addr := netip.AddrFrom4([4]byte{10, 1, byte(src >> 8), byte(src)})
		packets = append(packets, sim.Packet{Time: at, Iface: "eth0", Src: addr, Proto: lang.TCP, DstPort: port, Flags: lang.SYN, Alone: true})
	}
	for len(packets) < n {
		src := r.IntN(5000)
		if src%10 != 0 {
			add(src, uint16(1+r.IntN(65535)))
			continue
		}
		k := policy.Knocks[r.IntN(len(policy.Knocks))]
		for _, s := range k.Steps {
			add(src, s.Port)
		}
		add(src, k.Services[0].First)
	}
	return packets
}

// BenchmarkPacket runs the rules on packets, without reading them from anywhere.
func BenchmarkPacket(b *testing.B) {
	for _, knocks := range []int{1, 100, 10000} {
		b.Run(fmt.Sprintf("%d-knocks", knocks), func(b *testing.B) {
			ruleset, policy := benchRuleset(b, knocks)
			packets := benchPackets(policy, 200000)
			m, err := sim.New(ruleset)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			offset, i := time.Duration(0), 0
			var p sim.Packet
			for b.Loop() {
				if i == len(packets) {
					i, offset = 0, offset+packets[len(packets)-1].Time
				}
				p = packets[i]
				p.Time += offset
				m.Packet(&p)
				i++
			}
			b.ReportMetric(1e3/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "Mpackets/s")
		})
	}
}
