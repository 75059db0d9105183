package spec

import (
	"net/netip"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// reloads are a host and the scripts of one policy: of 0.1.0, of today, and of today at the
// hook input.
type reloads struct {
	reloader
	scripts map[string]string
}

const (
	firstLayout = "0.1.0"
	hookInput   = "hook input"
	today       = "prerouting"
)

func newReloads(t *testing.T) reloads {
	t.Helper()
	r := reloads{newReloader(t), map[string]string{firstLayout: readFile(t, "../testdata/reload/0.1.0.nft")}}
	policy := readFile(t, "../testdata/reload/policy.knock")
	for name, text := range map[string]string{today: policy, hookInput: "hook input\n" + policy} {
		p, err := newPair(name, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.scripts[name] = script(t, p.result)
	}
	for _, port := range []uint16{22, 443, 8085} {
		if err := r.Listen(netns.TCP, port); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Load(countAccepted); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r reloads) load(name string) {
	r.Helper()
	if err := r.Load(r.scripts[name]); err != nil {
		r.Fatalf("%v\nwhen %s is loaded", err, name)
	}
}

// somebody is a source that is somewhere in a knock when another script is loaded.
type somebody struct {
	what    string
	before  []netns.Packet // what it has sent by then
	after   []netns.Packet // what it sends then
	service netns.Packet
	open    bool
	once    bool // and not again
}

func tcp(ports ...uint16) (packets []netns.Packet) {
	for _, port := range ports {
		packets = append(packets, netns.Packet{Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
	}
	return packets
}

func udp(port uint16) netns.Packet { return netns.Packet{Proto: netns.UDP, DstPort: port} }
func ping(length int) netns.Packet { return netns.Packet{Proto: netns.Ping, Length: length} }

// everybody is in all the states that the policy has.
func everybody() []somebody {
	ssh, web, alt, vpn := tcp(22)[0], tcp(443)[0], tcp(8085)[0], udp(51820)
	toWeb := append(tcp(7001, 7002), udp(7005))
	toVPN := append([]netns.Packet{ping(20)}, tcp(7006)...)
	return []somebody{
		{"a stranger", nil, nil, ssh, false, false},
		{"one with a grant", tcp(7001, 9002, 8003), nil, ssh, true, false},
		{"one at the first step", tcp(7001), tcp(9002, 8003), ssh, true, false},
		{"one further on", tcp(7001, 9002), tcp(8003), ssh, true, false},
		{"one who is too fast", tcp(7001), tcp(8003), ssh, false, false},
		{"one who shuts his door", append(tcp(7001, 9002, 8003), tcp(7003)...), tcp(7004), ssh, false, false},
		{"one with a grant for ever, once", toWeb, nil, web, true, true},
		{"one with a grant for ever, once, in a range", toWeb, nil, alt, true, true},
		{"one who has used it up", append(toWeb[:3:3], web), nil, web, false, false},
		{"one who is half on the way there", toWeb[:2], toWeb[2:], web, true, true},
		{"one with a grant for datagrams", toVPN, nil, vpn, true, false},
		{"one who has pinged", toVPN[:1], toVPN[1:], vpn, true, false},
		{"one who goes wrong", toVPN[:1], append(tcp(3000), toVPN[1:]...), vpn, false, false},
		{"one who goes wrong and had a grant", toVPN, tcp(3000), vpn, false, false},
		{"one who went wrong", append(toVPN[:1:1], tcp(3000)...), toVPN[1:], vpn, false, false},
	}
}

// TestReloadLayoutsOnKernel loads the layouts over one another: doors stay open, and steps
// that are under way go on.
func TestReloadLayoutsOnKernel(t *testing.T) {
	for _, way := range [][]string{
		{firstLayout, today}, {today, firstLayout}, {firstLayout, hookInput}, {hookInput, firstLayout},
		{today, hookInput}, {hookInput, today}, {today, hookInput, today}, {firstLayout, today, firstLayout, today}, {today, today},
	} {
		name := ""
		for _, layout := range way {
			name += ", " + layout
		}
		t.Run(name[2:], func(t *testing.T) {
			t.Parallel()
			newReloads(t).through(way)
		})
	}
}

// through loads layouts one after the other. All but the last steps are done before.
func (r reloads) through(way []string) {
	r.Helper()
	r.load(way[0])
	each := func(f func(s somebody, src netip.Addr)) {
		for i, s := range everybody() {
			for _, v6 := range []bool{false, true} {
				f(s, farSource(uint32(i), v6))
			}
		}
	}
	each(func(s somebody, src netip.Addr) {
		for _, p := range s.before {
			r.sends(src, p)
		}
	})
	for _, layout := range way[1:] {
		r.load(layout)
	}
	each(func(s somebody, src netip.Addr) {
		for _, p := range s.after {
			r.sends(src, p)
		}
		if got := r.sends(src, s.service); got != s.open {
			r.Errorf("%s, %v: let in is %v", s.what, src, got)
		}
		if got := r.sends(src, s.service); got != (s.open && !s.once) {
			r.Errorf("%s, %v, again: let in is %v", s.what, src, got)
		}
	})
}

// sends reports whether a packet got in.
func (r reloads) sends(src netip.Addr, p netns.Packet) bool {
	r.Helper()
	p.Src = src
	return send(r.T, r.Host, p).Accepted
}

// TestReloadLeavesNoLayoutOnKernel: after another layout there are no rules but those of
// the last script, as if it had been loaded alone.
func TestReloadLeavesNoLayoutOnKernel(t *testing.T) {
	for _, last := range []string{firstLayout, today, hookInput} {
		alone := newReloads(t)
		alone.load(last)
		want := alone.rules()
		for _, before := range []string{firstLayout, today, hookInput} {
			r := newReloads(t)
			r.load(before)
			r.load(last)
			for chain, rules := range r.rules() {
				if rules != want[chain] && !isEmptyBase(rules) {
					t.Errorf("%s over %s: chain %s has\n%s\nand alone\n%s", last, before, chain, rules, want[chain])
				}
			}
		}
	}
}

// isEmptyBase reports whether a listing is that of a base chain without a rule, which
// accepts: a script removes no base chain that it does not know.
func isEmptyBase(listed string) bool {
	return strings.Count(listed, "\n") == 1 && strings.Contains(listed, "hook") && strings.Contains(listed, "accept;")
}
