package spec

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
)

// The benchmark on the kernel: in each of many short rounds every host gets its packets,
// one host after the other, so that what else the machine does falls on all alike.
const (
	rounds     = 1001
	background = 50 // packets in a round, from sources without state
	within     = 50 // packets of a connection in a round
	transit    = 50 // packets in a round that go on to another host
	sequences  = 6  // whole ones in a round, each from a source of its own
)

// candidate is a host with rules to be measured.
type candidate struct {
	host                *netns.Host
	policy              *lang.Policy
	sources, sequencers uint32 // used so far

	// of each round, for a packet or for a sequence
	background, established, transit, whole []time.Duration
}

// packetGoals compares what packets cost with our rules and with the rules that one writes
// by hand, all in a row, for 1, 10, 100 and 1,000 knocks from a seed. The times are those
// of whole packets, from write(2) to the verdict. What is added is beside no rules.
func packetGoals(b *testing.B) []goal {
	b.Helper()
	p := benchPolicy(b, 1)
	none := newCandidate(b, p.policy, "table inet none")
	one := newCandidate(b, p.policy, oneAccept)
	atInput := benchPolicy(b, 1, "hook input\n")
	input := newCandidate(b, atInput.policy, script(b, atInput.result))
	tenOurs := newCandidate(b, p.policy, copied(func(table string) string { return script(b, benchPolicy(b, 1, "table "+table+"\n").result) }))
	tenRows := newCandidate(b, p.policy, copied(func(table string) string { return strings.ReplaceAll(inARow(p.policy), "inet row", "inet "+table) }))
	candidates := []*candidate{none, one, input, tenOurs, tenRows}
	ours, row := map[int]*candidate{}, map[int]*candidate{}
	counts := []int{1, 10, 100, 1000}
	for _, knocks := range counts {
		p := benchPolicy(b, knocks)
		ours[knocks], row[knocks] = newCandidate(b, p.policy, script(b, p.result)), newCandidate(b, p.policy, inARow(p.policy))
		candidates = append(candidates, ours[knocks], row[knocks])
	}
	for range rounds {
		for _, c := range candidates {
			c.measure(b)
		}
	}
	atMost := func(work string, most float64, a, b []time.Duration, unit string) goal {
		return goal{work: work, most: true, goal: most, measured: ratio(a, b), unit: unit, figures: fmt.Sprintf("%s, %s", microseconds(a), microseconds(b))}
	}
	added := func(c *candidate) []time.Duration { return minus(c.background, none.background) }
	ours1, row1 := added(tenOurs), added(tenRows)
	goals := []goal{
		atMost("background packet, knocks: 1000", 1.10, ours[1000].background, ours[1].background, "× with 1 knock"),
		{
			work: "what one knock adds to a background packet", most: true, goal: 1.3, unit: "× rules by hand",
			measured: float64(median(ours1)) / float64(median(row1)), figures: fmt.Sprintf("%s, %s for %d tables", microseconds(ours1), microseconds(row1), copies),
		},
		atMost("sequence and visit, knocks: 1", 1.15, ours[1].whole, row[1].whole, "× rules by hand"),
		atMost("packet of a connection, knocks: 1", 1.2, ours[1].established, one.established, "× one hand-written accept"),
		atMost("packet to another host, knocks: 1000", 0, ours[1000].transit, none.transit, "× no rules"),
		atMost("background packet at hook prerouting", 0, ours[1].background, input.background, "× hook input"),
		atMost("sequence and visit at hook prerouting", 0, ours[1].whole, input.whole, "× hook input"),
	}
	for _, knocks := range counts[1:] {
		goals = append(goals,
			atMost(fmt.Sprintf("background packet beside rules by hand, knocks: %d", knocks), 0, ours[knocks].background, row[knocks].background, "× rules by hand"),
			atMost(fmt.Sprintf("sequence and visit beside rules by hand, knocks: %d", knocks), 0, ours[knocks].whole, row[knocks].whole, "× rules by hand"))
	}
	return append(goals, resetGoals(b)...)
}

// copies is how many tables with the same rules a packet passes. One alone takes too little
// time beside what the packet takes without rules.
const copies = 10

func copied(rules func(table string) string) string {
	var all strings.Builder
	for i := range copies {
		all.WriteString(rules(fmt.Sprintf("copy%d", i)))
	}
	return all.String()
}

func microseconds(times []time.Duration) string {
	return fmt.Sprintf("%.2f µs", float64(median(times).Nanoseconds())/1000)
}

// minus is what times are more than others of the same round.
func minus(times, others []time.Duration) []time.Duration {
	more := make([]time.Duration, len(times))
	for i := range times {
		more[i] = times[i] - others[i]
	}
	return more
}

// oneAccept is what a host has that guards nothing but keeps connections.
const oneAccept = "table inet one {\n\tchain input {\n\t\ttype filter hook input priority -10; policy accept;\n\t\tct state established,related accept\n\t}\n}\n"

func benchPolicy(b *testing.B, knocks int, settings ...string) *pair {
	b.Helper()
	p, err := newPair("bench", strings.Join(settings, "")+seeded.Policy(knocks), nil)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// newCandidate loads the rules, and lets one connection in. Whatever they let through from
// then on is dropped after them, at once and the same for all.
func newCandidate(b *testing.B, policy *lang.Policy, rules string) *candidate {
	b.Helper()
	c := &candidate{host: netns.New(b, "eth0"), policy: policy}
	const sink = "table inet sink {\n\tchain input {\n\t\ttype filter hook input priority 100; policy drop;\n\t\tct state new drop\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority 100; policy drop;\n\t\tct state new drop\n\t}\n}\n"
	if err := c.host.Load(rules); err != nil {
		b.Fatal(err)
	}
	if err := c.host.Listen(netns.TCP, c.connection(0).DstPort); err != nil {
		b.Fatal(err)
	}
	for p := range c.knocks(1) {
		c.send(b, p)
	}
	c.sequencers = 0
	for _, flags := range []netns.TCPFlags{netns.SYN, netns.ACK} {
		c.send(b, c.connection(flags))
	}
	if err := c.host.Load(sink); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *candidate) send(b *testing.B, p netns.Packet) {
	b.Helper()
	if _, err := c.host.Send(p); err != nil {
		b.Fatal(err)
	}
}

// connection is a segment of the one connection of a host: of the first that knocks.
func (c *candidate) connection(flags netns.TCPFlags) netns.Packet {
	k := c.policy.Knocks[1%len(c.policy.Knocks)]
	return netns.Packet{Src: numbered(101, 1), SrcPort: 1025, Proto: netns.TCP, DstPort: k.Services[0].First, Flags: flags}
}

func (c *candidate) measure(b *testing.B) {
	b.Helper()
	c.background = append(c.background, c.timed(b, c.packets(background))/background)
	c.established = append(c.established, c.timed(b, c.again(within, c.connection(netns.ACK)))/within)
	onward := netns.Packet{Src: numbered(102, 1), SrcPort: 1024, Dst: numbered(103, 1), Proto: netns.TCP, DstPort: 39999, Flags: netns.SYN}
	c.transit = append(c.transit, c.timed(b, c.again(transit, onward))/transit)
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

// again is a packet that is sent so often.
func (c *candidate) again(n int, p netns.Packet) iter.Seq[netns.Packet] {
	return func(yield func(netns.Packet) bool) {
		for range n {
			if !yield(p) {
				return
			}
		}
	}
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
		port, last := k.Services[0].First, len(k.Steps)-1
		for _, f := range []string{"ip", "ip6"} {
			fmt.Fprintf(&rules, "\t\ttcp dport %d %s %s saddr @%s_%s_%d accept\n", port, syn, f, name, f, last)
		}
		fmt.Fprintf(&rules, "\t\ttcp dport %d drop\n", port)
	}
	return "table inet row {\n" + sets.String() + "\tchain input {\n\t\ttype filter hook input priority -10; policy accept;\n" +
		"\t\tct state established,related meta l4proto != tcp accept\n" +
		"\t\tct state established,related tcp flags & (fin | syn | rst | ack) != syn accept\n\t\tiifname \"lo\" accept\n" + rules.String() + "\t}\n}\n"
}
