package spec

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"knockc/internal/netns"
	"knockc/internal/seeded"
	"knockc/lang"
)

// The benchmark on the kernel: in each round every host gets its packets, one host
// after the other, so that what else the machine does falls on all alike.
const (
	rounds     = 31
	background = 1500 // packets in a round, from sources without state
	sequences  = 200  // whole ones in a round, each from a source of its own
)

// candidate is a host with rules to be measured.
type candidate struct {
	name                string
	host                *netns.Host
	policy              *lang.Policy
	background, whole   []time.Duration // of each round, for a packet and for a sequence
	sources, sequencers uint32          // used so far
}

// BenchmarkKernel compares what packets cost with our rules and with the rules that
// one writes by hand, all in a row, for 1, 10, 100 and 1,000 knocks from a seed.
// The times are those of whole packets, from write(2) to the verdict.
func BenchmarkKernel(b *testing.B) {
	none := newCandidate(b, "no rules", benchPolicy(b, 1).policy, "table inet none")
	candidates := []*candidate{none}
	ours, row := map[int]*candidate{}, map[int]*candidate{}
	for _, knocks := range []int{1, 10, 100, 1000} {
		p := benchPolicy(b, knocks)
		ours[knocks] = newCandidate(b, fmt.Sprintf("knockc, %d", knocks), p.policy, script(b, p.result))
		row[knocks] = newCandidate(b, fmt.Sprintf("in a row, %d", knocks), p.policy, inARow(p.policy))
		candidates = append(candidates, ours[knocks], row[knocks])
	}
	for b.Loop() {
		for range rounds {
			for _, c := range candidates {
				c.measure(b)
			}
		}
	}
	for _, c := range candidates {
		b.Logf("%-15s background packet %7.0f ns, added %7.0f; sequence and visit %8.0f ns",
			c.name, float64(median(c.background)), float64(median(c.background)-median(none.background)), float64(median(c.whole)))
	}
	added := func(c *candidate) float64 { return float64(median(c.background) - median(none.background)) }
	b.ReportMetric(ratio(ours[1000].background, ours[1].background), "background-1000/1")
	b.ReportMetric(added(row[100])/added(ours[100]), "row/ours-added-100")
	b.ReportMetric(ratio(ours[1].whole, row[1].whole), "sequence-ours/row-1")
	b.ReportMetric(0, "ns/op")
}

func ratio(a, b []time.Duration) float64 { return float64(median(a)) / float64(median(b)) }

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func benchPolicy(b *testing.B, knocks int) *pair {
	b.Helper()
	p, err := newPair("bench", seeded.Policy(knocks), nil)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// newCandidate loads the rules. Whatever they let through is dropped behind them,
// at once and the same for all.
func newCandidate(b *testing.B, name string, policy *lang.Policy, rules string) *candidate {
	b.Helper()
	c := &candidate{name: name, host: netns.New(b, "eth0"), policy: policy}
	const sink = "\ntable inet sink {\n\tchain sink {\n\t\ttype filter hook input priority 100; policy drop;\n\t\tct state new drop\n\t}\n}\n"
	if err := c.host.Load(rules + sink); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *candidate) measure(b *testing.B) {
	b.Helper()
	c.background = append(c.background, c.timed(b, c.packets(background))/background)
	c.whole = append(c.whole, c.timed(b, c.knocks(sequences))/sequences)
}

func (c *candidate) timed(b *testing.B, packets iter.Seq[netns.Packet]) time.Duration {
	b.Helper()
	begin := time.Now()
	if _, err := c.host.Flood(packets); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// packets go to a port that no knock names.
func (c *candidate) packets(n int) iter.Seq[netns.Packet] {
	return func(yield func(netns.Packet) bool) {
		for range n {
			c.sources++
			p := netns.Packet{Src: numbered(100, c.sources), SrcPort: 1024, Proto: netns.TCP, DstPort: 39999, Flags: netns.SYN}
			if !yield(p) {
				return
			}
		}
	}
}

// knocks go through the sequences of the policy's knocks in turn and then ask for
// the service.
func (c *candidate) knocks(n int) iter.Seq[netns.Packet] {
	return func(yield func(netns.Packet) bool) {
		for range n {
			c.sequencers++
			k := c.policy.Knocks[int(c.sequencers)%len(c.policy.Knocks)]
			p := netns.Packet{Src: numbered(101, c.sequencers), SrcPort: 1024, Proto: netns.TCP, Flags: netns.SYN}
			for _, s := range k.Steps {
				p.DstPort = s.Port
				if !yield(p) {
					return
				}
			}
			p.DstPort = k.Services[0].First
			if !yield(p) {
				return
			}
		}
	}
}

// numbered is an address of a block of its own.
func numbered(block byte, n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{block, byte(n >> 16), byte(n >> 8), byte(n)})
}

// inARow is a policy as one writes it by hand, see testdata/recipe: sets and rules
// for each knock, one after the other.
func inARow(p *lang.Policy) string {
	var sets, rules strings.Builder
	for _, k := range p.Knocks {
		name := k.Name.Text
		for _, f := range [][2]string{{"ip", "ipv4_addr"}, {"ip6", "ipv6_addr"}} {
			for i := range k.Steps {
				timeout := k.Within
				if i == len(k.Steps)-1 {
					timeout = k.Grant
				}
				fmt.Fprintf(&sets, "\tset %s_%s_%d {\n\t\ttype %s\n\t\tsize 65536\n\t\tflags dynamic,timeout\n\t\ttimeout %s\n\t}\n", name, f[0], i, f[1], lang.FormatDuration(timeout))
			}
		}
		const syn = "tcp flags syn / fin,syn,rst,ack"
		for i := len(k.Steps) - 1; i >= 0; i-- {
			for _, f := range []string{"ip", "ip6"} {
				before := ""
				if i > 0 {
					before = fmt.Sprintf("%s saddr @%s_%s_%d ", f, name, f, i-1)
				}
				fmt.Fprintf(&rules, "\t\ttcp dport %d %s %supdate @%s_%s_%d { %s saddr }\n", k.Steps[i].Port, syn, before, name, f, i, f)
			}
		}
		fmt.Fprintf(&rules, "\t\ttcp dport { %d, %d, %d, %d } drop\n", k.Steps[0].Port, k.Steps[1].Port, k.Steps[2].Port, k.Steps[3].Port)
		port, last := k.Services[0].First, len(k.Steps)-1
		for _, f := range []string{"ip", "ip6"} {
			fmt.Fprintf(&rules, "\t\ttcp dport %d %s %s saddr @%s_%s_%d accept\n", port, syn, f, name, f, last)
		}
		fmt.Fprintf(&rules, "\t\ttcp dport %d drop\n", port)
	}
	return "table inet row {\n" + sets.String() + "\tchain input {\n\t\ttype filter hook input priority -10; policy accept;\n" +
		"\t\tct state established,related accept\n\t\tiifname \"lo\" accept\n" + rules.String() + "\t}\n}\n"
}
