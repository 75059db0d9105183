package compiler_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"knockc/compiler"
	"knockc/internal/netns"
	"knockc/lang"
)

// A way is one of the forms of a ruleset, and how it reaches the kernel.
type way struct {
	name string
	load func(t *testing.T, h *netns.Host, r *compiler.Ruleset) error
}

var ways = []way{
	{"text", loadText},
	{"json", loadJSON},
	{"netlink", loadNetlink},
}

func loadText(t *testing.T, h *netns.Host, r *compiler.Ruleset) error {
	var b strings.Builder
	if err := r.WriteNFT(&b, nil); err != nil {
		return err
	}
	return h.Load(b.String())
}

func loadJSON(t *testing.T, h *netns.Host, r *compiler.Ruleset) error {
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		return err
	}
	path := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := h.Nft("-j", "-f", path)
	return err
}

// loadNetlink has only the namespace from the host's thread: a goroutine that is
// bound to a thread reads the kernel's answers four times slower.
func loadNetlink(_ *testing.T, h *netns.Host, r *compiler.Ruleset) error {
	var namespace *os.File
	err := h.Do(func() (err error) {
		namespace, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return err
	}
	defer namespace.Close()
	c, err := nftables.New(nftables.WithNetNSFd(int(namespace.Fd())), compiler.WithBuffers())
	if err != nil {
		return err
	}
	return r.Load(c)
}

func mustLoad(t *testing.T, w way, h *netns.Host, r *compiler.Ruleset) {
	t.Helper()
	if err := w.load(t, h, r); err != nil {
		t.Fatalf("%s: %v", w.name, err)
	}
}

// reloadsJSON reports whether JSON can be loaded over sets that exist. It can from
// nft 1.0.8 on, see [compiler.Ruleset.WriteJSON].
func reloadsJSON(t *testing.T, h *netns.Host) bool {
	t.Helper()
	version, err := h.Nft("--version")
	if err != nil {
		t.Fatal(err)
	}
	var v [3]int
	if _, err := fmt.Sscanf(version, "nftables v%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	return slices.Compare(v[:], []int{1, 0, 8}) >= 0
}

// list returns what the kernel holds, without the numbers it gives to objects: each
// object as JSON, and the words of the text, which has what nft's JSON leaves out,
// fractions of a second and that a set is dynamic.
func list(t *testing.T, h *netns.Host) []string {
	t.Helper()
	text, err := h.Nft("list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,", r) })
	slices.Sort(words) // elements come in any order
	return append(listObjects(t, h), words...)
}

func listObjects(t *testing.T, h *netns.Host) []string {
	t.Helper()
	text, err := h.Nft("-j", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Nftables []map[string]map[string]any }
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(all.Nftables, func(a, b map[string]map[string]any) int { return strings.Compare(order(a), order(b)) })
	var objects []string
	for _, o := range all.Nftables[1:] { // the first is about nft itself
		for _, fields := range o {
			normal(fields)
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, string(text))
	}
	return objects
}

// order tells objects apart, but for the rules of a chain. A base chain that is
// made anew comes last in a listing.
func order(o map[string]map[string]any) string {
	for kind, fields := range o {
		if kind != "metainfo" {
			return fmt.Sprint(kind, " ", fields["chain"], " ", fields["name"])
		}
	}
	return ""
}

// normal takes the handles out and sorts anonymous sets.
func normal(v any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			normal(element)
		}
	case map[string]any:
		delete(v, "handle")
		for key, value := range v {
			normal(value)
			if elements, ok := value.([]any); ok && key == "set" {
				slices.SortFunc(elements, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
		}
	}
}

const (
	icmp   = 1
	igmp   = 2
	tcp    = 6
	udp    = 17
	icmpv6 = 58
)

var (
	accept = compiler.Verdict{Kind: compiler.Accept}
	drop   = compiler.Verdict{Kind: compiler.Drop}
	gotoA  = compiler.Verdict{Kind: compiler.Goto, Chain: "a"}
	jumpB  = compiler.Verdict{Kind: compiler.Jump, Chain: "b"}
	back   = compiler.Verdict{Kind: compiler.Return}

	v4Key   = compiler.Key{Family: compiler.IPv4, Bits: 32, State: 7}
	v4Net   = compiler.Key{Family: compiler.IPv4, Bits: 23, State: 0x80c0ffee}
	v6Key   = compiler.Key{Family: compiler.IPv6, Bits: 128, State: 8}
	v6Net   = compiler.Key{Family: compiler.IPv6, Bits: 64, State: 1}
	v6Other = compiler.Key{Family: compiler.IPv6, Bits: 47, State: 9}
)

// A sample is an instruction in one of its forms, with what it takes packets to
// be: nft refuses rules whose parts contradict each other.
type sample struct {
	compiler.Instruction
	family string
	proto  uint8
}

func ipv4(i compiler.Instruction) sample { return sample{i, "ip", 0} }
func ipv6(i compiler.Instruction) sample { return sample{i, "ip6", 0} }

func (s sample) agrees(o sample) bool {
	return (s.family == "" || o.family == "" || s.family == o.family) && (s.proto == 0 || o.proto == 0 || s.proto == o.proto)
}

func samples() []sample {
	all := append(fieldSamples(), sourceSamples()...)
	all = append(all, elementSamples()...)
	return append(all, mapSamples()...)
}

func fieldSamples() []sample {
	return []sample{
		{Instruction: compiler.CtState{States: compiler.StateNew}},
		{Instruction: compiler.CtState{States: compiler.StateNew | compiler.StateEstablished | compiler.StateRelated | compiler.StateInvalid}},
		{Instruction: compiler.CtState{States: compiler.StateInvalid, Not: true}},
		{Instruction: compiler.Iface{Name: "eth0"}},
		{Instruction: compiler.Iface{Name: "abcdefghijklmno"}},
		{Instruction: compiler.Iface{Name: "eth", Wildcard: true}},
		{Instruction: compiler.L4Proto{Number: tcp}, proto: tcp},
		{Instruction: compiler.L4Proto{Number: udp}, proto: udp},
		{Instruction: compiler.L4Proto{Number: icmp}, proto: icmp},
		{Instruction: compiler.L4Proto{Number: igmp}, proto: igmp},
		{Instruction: compiler.L4Proto{Number: icmpv6}, proto: icmpv6},
		{Instruction: compiler.Ports{First: 22, Last: 22}},
		{Instruction: compiler.Ports{First: 22, Last: 22, Not: true}},
		{Instruction: compiler.Ports{First: 80, Last: 90}},
		{Instruction: compiler.Ports{First: 80, Last: 90, Not: true}},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.FIN | lang.SYN | lang.RST | lang.ACK}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.FIN | lang.SYN | lang.RST | lang.ACK, Not: true}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN | lang.ACK, Mask: lang.SYN | lang.ACK}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.ACK, Mask: lang.ACK}, proto: tcp},
		{Instruction: compiler.Local{}},
		{Instruction: compiler.Local{Not: true}},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8}}, "ip", icmp},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8, 3, 11}}, "ip", icmp},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{128}}, "ip6", icmpv6},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{135, 136, 1}}, "ip6", icmpv6},
		ipv4(compiler.Length{Family: compiler.IPv4, Bytes: 148}),
		ipv4(compiler.Length{Family: compiler.IPv4, Bytes: 148, Not: true}),
		ipv6(compiler.Length{Family: compiler.IPv6, Bytes: 128}),
		ipv6(compiler.Length{Family: compiler.IPv6, Bytes: 128, Not: true}),
	}
}

func sourceSamples() []sample {
	source := func(prefixes ...string) sample {
		var s compiler.Source
		for _, p := range prefixes {
			s.Prefixes = append(s.Prefixes, netip.MustParsePrefix(p))
		}
		if s.Prefixes[0].Addr().Is4() {
			return ipv4(s)
		}
		s.Family = compiler.IPv6
		return ipv6(s)
	}
	return []sample{
		source("192.0.2.1/32"),
		source("10.0.0.0/8"),
		source("172.16.0.0/12"),
		source("0.0.0.0/0"),
		source("192.0.2.1/32", "10.0.0.0/8", "172.16.0.0/12"),
		source("11.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/32"), // next to and within each other
		source("0.0.0.0/8", "224.0.0.0/3"),                                // to the ends
		source("0.0.0.0/0", "192.0.2.1/32"),
		source("2001:db8::1/128"),
		source("2001:db8::/32"),
		source("fe80::/10"),
		source("::/0"),
		source("2001:db8::1/128", "fe80::/10"),
		source("::1/128", "ff00::/8"),
		source("::/0", "fe80::/10"),
	}
}

func elementSamples() []sample {
	return []sample{
		ipv4(compiler.Lookup{Key: v4Key, Set: "s4"}),
		ipv4(compiler.Lookup{Key: v4Key, Set: "s4", Not: true}),
		ipv4(compiler.Lookup{Key: v4Net, Set: "s4"}),
		ipv6(compiler.Lookup{Key: v6Key, Set: "s6"}),
		ipv6(compiler.Lookup{Key: v6Key, Set: "s6", Not: true}),
		ipv6(compiler.Lookup{Key: v6Net, Set: "s6", Not: true}),
		ipv6(compiler.Lookup{Key: v6Other, Set: "s6"}),
		ipv4(compiler.Update{Key: v4Key, Set: "s4", Timeout: 5 * time.Second}),
		ipv4(compiler.Update{Key: v4Key, Set: "s4"}),
		ipv4(compiler.Update{Key: v4Net, Set: "s4", Timeout: 36*time.Hour + time.Second}),
		ipv6(compiler.Update{Key: v6Key, Set: "s6", Timeout: 5 * time.Second}),
		ipv6(compiler.Update{Key: v6Net, Set: "s6"}),
		ipv4(compiler.Delete{Key: v4Key, Set: "s4"}),
		ipv4(compiler.Delete{Key: v4Net, Set: "s4"}),
		ipv6(compiler.Delete{Key: v6Key, Set: "s6"}),
		ipv6(compiler.Delete{Key: v6Net, Set: "s6"}),
		{Instruction: compiler.Count{Counter: "ssh-opened"}},
		{Instruction: compiler.Log{Prefix: "knock ssh: "}},
	}
}

func mapSamples() []sample {
	one := []compiler.DispatchEntry{{tcp, 22, 22, gotoA}}
	single := []compiler.DispatchEntry{{tcp, 22, 22, gotoA}, {udp, 53, 53, accept}, {tcp, 80, 80, drop}, {udp, 67, 67, back}, {tcp, 443, 443, jumpB}}
	ranges := []compiler.DispatchEntry{{tcp, 22, 22, gotoA}, {udp, 8000, 8010, accept}, {tcp, 1024, 65535, jumpB}}
	lengths := []compiler.LengthEntry{{148, gotoA}, {149, accept}, {1500, jumpB}}
	return []sample{
		{Instruction: compiler.Dispatch{Entries: one}},
		{Instruction: compiler.Dispatch{Entries: single}},
		{Instruction: compiler.Dispatch{Entries: ranges}},
		ipv4(compiler.Lengths{Family: compiler.IPv4, Entries: lengths}),
		ipv6(compiler.Lengths{Family: compiler.IPv6, Entries: lengths[:1]}),
	}
}

// endings may stand at the end of a rule only.
func endings() []sample {
	return []sample{
		{Instruction: accept}, {Instruction: drop}, {Instruction: gotoA}, {Instruction: jumpB}, {Instruction: back},
		{Instruction: compiler.Reject{}},
		{Instruction: compiler.Reject{Reset: true}, proto: tcp},
	}
}

func ruleset(rules ...compiler.Rule) *compiler.Ruleset {
	return &compiler.Ruleset{
		Table: "knock",
		Sets: []*compiler.Set{
			{Name: "s4", Family: compiler.IPv4, Size: 65536},
			{Name: "s6", Family: compiler.IPv6, Size: 100},
		},
		Counters: []*compiler.Counter{{Name: "ssh-opened"}, {Name: "unused"}},
		Chains: []*compiler.Chain{
			{Name: "input", Hook: &compiler.Hook{Priority: -10}, Rules: rules},
			{Name: "a", Rules: []compiler.Rule{{Instructions: []compiler.Instruction{jumpB}}}},
			{Name: "b", Rules: []compiler.Rule{
				// without these JSON would make sets that are not dynamic
				rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: time.Second}),
				rule("", compiler.Update{Key: v6Key, Set: "s6", Timeout: time.Second}),
			}},
		},
	}
}

func rule(comment string, instructions ...compiler.Instruction) compiler.Rule {
	return compiler.Rule{Instructions: instructions, Comment: comment}
}

func everything() *compiler.Ruleset {
	var rules []compiler.Rule
	for i, s := range append(samples(), endings()...) {
		rules = append(rules, rule(fmt.Sprintf("number %d", i), s.Instruction))
	}
	rules = append(rules,
		rule(strings.Repeat("c", 127), drop),
		rule("",
			compiler.CtState{States: compiler.StateNew},
			compiler.Iface{Name: "eth0"},
			compiler.L4Proto{Number: tcp},
			compiler.Ports{First: 22, Last: 23},
			compiler.TCPFlags{Flags: lang.SYN, Mask: lang.SYN | lang.ACK},
			compiler.Local{},
			compiler.Source{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
			compiler.Lookup{Key: v4Key, Set: "s4"},
			compiler.Delete{Key: v4Key, Set: "s4"},
			compiler.Update{Key: v4Net, Set: "s4", Timeout: time.Minute},
			compiler.Count{Counter: "ssh-opened"},
			compiler.Log{Prefix: "knock: "},
			compiler.Reject{Reset: true},
		))
	return ruleset(rules...)
}

// fragment is a ruleset without a base chain.
func fragment() *compiler.Ruleset {
	r := everything()
	r.Chains[0].Hook = nil
	return r
}

// TestWritersAgreeOnKernel loads each instruction in each of its forms in all
// ways, and over itself: the listings are the same.
func TestWritersAgreeOnKernel(t *testing.T) {
	for name, r := range map[string]*compiler.Ruleset{
		"everything": everything(),
		"fragment":   fragment(),
		"empty":      {Table: "knock"},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i, w := range ways {
				h := netns.New(t, "eth0")
				mustLoad(t, w, h, r)
				got := list(t, h)
				if i == 0 {
					want = got
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s lists as other rules than %s (-, +):\n%s", w.name, ways[0].name, diff)
				}
				if w.name == "json" && !reloadsJSON(t, h) {
					continue
				}
				mustLoad(t, w, h, r)
				if diff := cmp.Diff(got, list(t, h)); diff != "" {
					t.Errorf("%s over itself (-, +):\n%s", w.name, diff)
				}
			}
		})
	}
}

// TestPairsAgreeOnKernel has all pairs of instructions, since what the first
// matches need not be matched for the second.
func TestPairsAgreeOnKernel(t *testing.T) {
	var rules []compiler.Rule
	for _, first := range samples() {
		for _, second := range append(samples(), endings()...) {
			if first.agrees(second) {
				rules = append(rules, rule("", first.Instruction, second.Instruction))
			}
		}
	}
	var hosts []*netns.Host
	for range ways {
		hosts = append(hosts, netns.New(t, "eth0"))
	}
	for some := range slices.Chunk(rules, 100) { // as many as an ordinary user's socket takes
		var want []string
		for i, w := range ways {
			mustLoad(t, w, hosts[i], ruleset(some...))
			got := list(t, hosts[i])
			if i == 0 {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s lists as other rules than %s (-, +):\n%s", w.name, ways[0].name, diff)
			}
			if _, err := hosts[i].Nft("delete", "table", "inet", "knock"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLoadOverOnKernel loads a ruleset in one way over another, with another
// priority and other sizes. The elements that rules of either made stay, and the
// rules of one way find those of another.
func TestLoadOverOnKernel(t *testing.T) {
	h := netns.New(t, "eth0")
	text, json, netlink := ways[0], ways[1], ways[2]
	turns := []way{json, text, netlink, text, netlink, netlink}
	if reloadsJSON(t, h) {
		turns = append(turns, json, netlink)
	}
	for turn, w := range turns {
		r := doors(turn)
		mustLoad(t, w, h, r)
		checkNumbers(t, h, r)
		for other := range turns {
			for _, src := range sources(other) {
				if open := sendUDP(t, h, src, 2); open != (other < turn) {
					t.Errorf("turn %d, %s: door of %s open = %v", turn, w.name, src, open)
				}
			}
		}
		for _, src := range sources(turn) {
			sendUDP(t, h, src, 1)
		}
	}
	counter, err := h.Nft("list", "counter", "inet", "knock", "ssh-opened")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("packets %d ", 2*len(turns)); !strings.Contains(counter, want) {
		t.Errorf("the counter is %s, want %s", counter, want)
	}
}

// doors is a ruleset where port 1 opens port 2.
func doors(turn int) *compiler.Ruleset {
	port := func(n uint16, rest ...compiler.Instruction) compiler.Rule {
		return rule("", append([]compiler.Instruction{compiler.L4Proto{Number: udp}, compiler.Ports{First: n, Last: n}}, rest...)...)
	}
	count := compiler.Count{Counter: "ssh-opened"}
	r := ruleset(
		port(1, compiler.Update{Key: v4Net, Set: "s4", Timeout: time.Hour}, count, drop),
		port(1, compiler.Update{Key: v6Net, Set: "s6"}, count, drop),
		port(2, compiler.Lookup{Key: v4Net, Set: "s4"}, accept),
		port(2, compiler.Lookup{Key: v6Net, Set: "s6"}, accept),
		port(2, drop))
	r.Chains[0].Hook.Priority += int32(turn)
	r.Sets[0].Size += turn
	r.Sets[1].Size -= turn
	return r
}

// sources are in a network of their own each.
func sources(turn int) []string {
	return []string{fmt.Sprintf("192.0.%d.7", 2*turn), fmt.Sprintf("2001:db8:0:%d::7", turn)}
}

func sendUDP(t *testing.T, h *netns.Host, src string, port uint16) (accepted bool) {
	t.Helper()
	r, err := h.Send(netns.Packet{Src: netip.MustParseAddr(src), Proto: netns.UDP, DstPort: port})
	if err != nil {
		t.Fatal(err)
	}
	return r.Accepted
}

// checkNumbers checks what a reload could leave as it was.
func checkNumbers(t *testing.T, h *netns.Host, r *compiler.Ruleset) {
	t.Helper()
	listing, err := h.Nft("-j", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf(`"prio": %d,`, r.Chains[0].Hook.Priority),
		fmt.Sprintf(`"size": %d,`, r.Sets[0].Size),
		fmt.Sprintf(`"size": %d,`, r.Sets[1].Size),
	} {
		if !strings.Contains(listing, want) {
			t.Errorf("the listing has no %s", want)
		}
	}
}

// TestLoadLargeOnKernel loads more than the kernel takes in one attribute, and more
// than a socket takes unless told.
func TestLoadLargeOnKernel(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		t.Run(fmt.Sprintf("ranges=%v", ranges), func(t *testing.T) {
			const ports = 2000
			h := netns.New(t, "eth0")
			loadLarge(t, h, large(ports, ranges))
			dispatch := strings.Join(listObjects(t, h), "\n")
			if got := strings.Count(dispatch, `{"goto":`); got != ports {
				t.Errorf("the map has %d entries, want %d", got, ports)
			}
			for i, port := range []uint16{10000, 10999, 11999, 12000} {
				if open := sendUDP(t, h, fmt.Sprintf("192.0.2.%d", i), port); open != (port == 12000) {
					t.Errorf("port %d is open: %v", port, open)
				}
			}
		})
	}
}

// loadLarge skips the test where the kernel does not let sockets have more than
// the common size of buffers.
func loadLarge(t testing.TB, h *netns.Host, r *compiler.Ruleset) {
	t.Helper()
	err := loadNetlink(nil, h, r)
	if (errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS)) && !owner() {
		t.Skipf("in a user namespace: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// owner reports whether this is root outside of any user namespace, who may raise
// the buffers of sockets.
func owner() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && os.Getuid() == 0 && slices.Equal(strings.Fields(string(ids)), []string{"0", "0", "4294967295"})
}

// large is a ruleset with a chain of six rules for each of the UDP ports from 10000.
func large(ports int, ranges bool) *compiler.Ruleset {
	var d compiler.Dispatch
	r := ruleset()
	r.Chains = r.Chains[:1]
	for i := range ports {
		name := fmt.Sprintf("udp_%d", 10000+i)
		port := uint16(10000 + i)
		d.Entries = append(d.Entries, compiler.DispatchEntry{Proto: udp, First: port, Last: port, Verdict: compiler.Verdict{Kind: compiler.Goto, Chain: name}})
		r.Chains = append(r.Chains, &compiler.Chain{Name: name, Rules: []compiler.Rule{
			rule("", compiler.Lookup{Key: v4Key, Set: "s4"}, accept),
			rule("", compiler.Lookup{Key: v6Net, Set: "s6"}, accept),
			rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: time.Second}, compiler.Count{Counter: "unused"}),
			rule("", compiler.Update{Key: v6Net, Set: "s6", Timeout: time.Second}, compiler.Count{Counter: "unused"}),
			rule("", compiler.Delete{Key: v4Net, Set: "s4"}),
			rule("the end of "+name, drop),
		}})
	}
	if ranges {
		d.Entries[0].First--
	}
	r.Chains[0].Rules = []compiler.Rule{rule("", d)}
	return r
}

// BenchmarkLoad loads chains of six rules.
func BenchmarkLoad(b *testing.B) {
	for _, ports := range []int{1000, 10000} {
		b.Run(fmt.Sprint(ports), func(b *testing.B) {
			r := large(ports, false)
			for b.Loop() {
				b.StopTimer()
				h := netns.New(b, "eth0")
				b.StartTimer()
				loadLarge(b, h, r)
			}
		})
	}
}

// TestJSONTimeouts has what JSON can not say.
func TestJSONTimeouts(t *testing.T) {
	r := ruleset(rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: 1500 * time.Millisecond}))
	var b strings.Builder
	if err := r.WriteJSON(&b); err == nil || b.Len() > 0 {
		t.Errorf("error %v, %d bytes written; want an error and none", err, b.Len())
	}
}

// TestFractionsOnKernel has timeouts that are no whole seconds, without JSON.
func TestFractionsOnKernel(t *testing.T) {
	r := ruleset(
		rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: 1500 * time.Millisecond}),
		rule("", compiler.Update{Key: v6Key, Set: "s6", Timeout: time.Millisecond}))
	var listings [][]string
	for _, w := range []way{ways[0], ways[2]} {
		h := netns.New(t, "eth0")
		mustLoad(t, w, h, r)
		listings = append(listings, list(t, h))
	}
	if diff := cmp.Diff(listings[0], listings[1]); diff != "" {
		t.Errorf("netlink lists as other rules than text (-, +):\n%s", diff)
	}
}
