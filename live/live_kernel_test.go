//go:build linux

package live_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/live"
)

func compile(t *testing.T, policy string) *compiler.Result {
	t.Helper()
	p, found := lang.Examine([]byte(policy))
	if lang.HasErrors(found) {
		t.Fatalf("%v\nin\n%s", found, policy)
	}
	result, found := compiler.Compile(p)
	if result == nil {
		t.Fatal(found)
	}
	return result
}

// host is a host of its own, with a connection to it.
type host struct {
	*testing.T
	*netns.Host
	live *live.Kernel
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{T: t, Host: netns.New(t, "eth0")}
	err := h.Do(func() (err error) {
		h.live, err = live.OpenKernel()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.live.Close() })
	return h
}

// apply loads a policy as `knockc apply` does.
func (h *host) apply(policy string) *live.Table {
	h.Helper()
	r := compile(h.T, policy).Ruleset
	for _, err := range []error{h.live.Load(r, nil), h.live.RemoveLeftovers(r)} {
		if err != nil {
			h.Fatal(err)
		}
	}
	return h.table(r.Table)
}

// script loads a policy as nft does.
func (h *host) script(policy string) {
	h.Helper()
	var b strings.Builder
	if err := compile(h.T, policy).Ruleset.WriteNFT(&b, nil); err != nil {
		h.Fatal(err)
	}
	if err := h.Host.Load(b.String()); err != nil {
		h.Fatalf("%.300v", err)
	}
}

func (h *host) table(name string) *live.Table {
	h.Helper()
	t, err := h.live.Table(name)
	if err != nil || t == nil {
		h.Fatalf("table %v, %v", t, err)
	}
	return t
}

func (h *host) rules() (rules string) {
	h.Helper()
	err := h.Do(func() (err error) {
		rules, err = h.live.Rules("knockc")
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return rules
}

func (h *host) status() *live.Status {
	h.Helper()
	s, err := h.live.Status(h.table("knockc"))
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// attempt sends an attempt and reports whether it was accepted.
func (h *host) attempt(src netip.Addr, proto netns.Proto, port uint16) bool {
	h.Helper()
	r, err := h.Send(netns.Packet{Src: src, Proto: proto, DstPort: port, Flags: netns.SYN})
	if err != nil {
		h.Fatal(err)
	}
	return r.Accepted
}

var (
	src4 = netip.MustParseAddr("198.51.100.7")
	src6 = netip.MustParseAddr("2001:db8:1::7")
)

// The policies come one after the other; what stays in them stays what it is.
var policies = []string{
	"knock ssh < 1001 1002 udp/1003 -> 22 udp/500 8000-8010 within 30s grant 30s >",
	`default drop
refuse reject
knock ssh < 1001 1002 udp/1003 -> 22 udp/500 8000-8010 within 30s grant 30s >
knock web < 2001 2002 ping -> 80 8005 total 20s reset any close 2001 2003 grant forever >
knock net < 3001 3002 -> udp/500 per /24 /64 from 198.51.100.0/24 2001:db8::/32 on eth0 within 30s once >
`,
	"knock web < 2001 2003 -> 80 >",
}

// TestWaysOfLoadingOnKernel: a policy that was applied, also over others, lists like one
// that nft has loaded, in a fresh namespace.
func TestWaysOfLoadingOnKernel(t *testing.T) {
	h := newHost(t)
	for _, i := range []int{0, 1, 2, 1, 0} {
		h.apply(policies[i])
		fresh := newHost(t)
		fresh.script(policies[i])
		if is, want := h.rules(), fresh.rules(); is != want {
			t.Errorf("policy %d:\n%s", i, diff.Diff("applied", []byte(is), "loaded by nft", []byte(want)))
		}
	}
}

// TestToldAlikeOnKernel: the rules that are loaded tell what those do that are to be.
func TestToldAlikeOnKernel(t *testing.T) {
	for i, policy := range slices.Concat(live.ElsewherePolicies, live.CasePolicies(t), policies) {
		h := newHost(t)
		if i%2 == 0 {
			h.apply(policy)
		} else {
			h.script(policy)
		}
		r := compile(t, policy).Ruleset
		if changes := live.Compare(h.table(r.Table), r); len(changes) > 0 {
			t.Errorf("loaded again it would change\n%s\nof\n%s", strings.Join(changes, "\n"), policy)
		}
		if change, err := h.live.ChangedByHand(h.table(r.Table), r); change != "" || err != nil {
			t.Errorf("changed by hand is: %s, %v\nof\n%s", change, err, policy)
		}
	}
}

// TestStandingsOnKernel: whichever way the rules were loaded, they tell who stands where.
func TestStandingsOnKernel(t *testing.T) {
	for name, load := range map[string]func(h *host){
		"script": func(h *host) { h.script(policies[1]) },
		"apply":  func(h *host) { h.apply(policies[1]) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			load(h)
			for _, src := range []netip.Addr{src4, src6} {
				for _, port := range []uint16{1001, 1002, 3001, 3002, 2001, 2002} {
					h.attempt(src, netns.TCP, port)
				}
				h.attempt(src, netns.UDP, 1003)
			}
			s := h.status()
			var got []string
			for _, d := range s.Standings {
				where := "open"
				switch d.Role {
				case compiler.Closing:
					where = "closing"
				case compiler.Opening:
					where = string(rune('0'+d.Step)) + "/" + string(rune('0'+d.Of))
				}
				if d.Left <= 0 || d.Left > 30*time.Second {
					t.Errorf("%v has %v left", d, d.Left)
				}
				got = append(got, d.Knock+" "+d.Source.String()+" "+where)
			}
			want := []string{
				"net 198.51.100.0/24 open", "net 2001:db8:1::/64 open",
				"net 198.51.100.0/24 1/2", "net 2001:db8:1::/64 1/2",
				"ssh 198.51.100.7/32 open", "ssh 2001:db8:1::7/128 open",
				"ssh 198.51.100.7/32 1/3", "ssh 198.51.100.7/32 2/3", "ssh 2001:db8:1::7/128 1/3", "ssh 2001:db8:1::7/128 2/3",
			}
			if got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "web") }); !slices.Equal(got, want) {
				t.Errorf("who stands where:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if ssh := s.Knocks[1]; ssh.Name != "ssh" || ssh.StepsDone != 4 || ssh.Opened != 2 || ssh.Open != 2 || ssh.Underway != 0 {
				t.Errorf("counted %+v", ssh)
			}
		})
	}
}

// TestGrantOnKernel opens doors by hand and shuts them.
func TestGrantOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(policies[1])
	if err := h.Listen(netns.UDP, 500); err != nil {
		t.Fatal(err)
	}
	wants := func(knock string, open bool, srcs ...netip.Addr) {
		t.Helper()
		for _, src := range srcs {
			if h.attempt(src, netns.UDP, 500) != open {
				t.Errorf("%s for %s: open is not %v", knock, src, open)
			}
		}
	}
	grant := func(knock string, src netip.Addr, lasts time.Duration) live.Granted {
		t.Helper()
		g, err := h.live.Grant(table, knock, src, lasts)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	wants("ssh", false, src4, src6)
	if g := grant("ssh", src4, 0); g.For != 30*time.Second || g.Source.String() != "198.51.100.7/32" {
		t.Errorf("granted %+v", g)
	}
	grant("ssh", src6, lang.Forever)
	wants("ssh", true, src4, src6)
	grant("ssh", src4, time.Hour) // a longer one in its place
	grant("ssh", src4, time.Second)
	for _, d := range h.status().Standings {
		if d.Source.Contains(src4) && d.Left < 59*time.Minute || d.Source.Contains(src6) && d.Left != lang.Forever {
			t.Errorf("stands %+v", d)
		}
	}
	shut, err := h.live.Revoke(table, "ssh", netip.MustParsePrefix("198.51.100.0/24"))
	if err != nil || len(shut) != 1 || shut[0].Source.Addr() != src4 {
		t.Errorf("revoked %v, %v", shut, err)
	}
	wants("ssh", false, src4.Next())
	for _, port := range []uint16{1001, 1002} {
		h.attempt(src4.Next(), netns.TCP, port)
	}
	if shut, err = h.live.Revoke(table, "", netip.Prefix{}); err != nil || len(shut) != 2 || shut[0].Role != compiler.Grant || shut[1].Step != 2 {
		t.Errorf("revoked all: %v, %v", shut, err)
	}
	h.attempt(src4.Next(), netns.UDP, 1003) // the last step, after those that were revoked too
	wants("ssh", false, src4.Next())

	if g := grant("net", src4, 0); g.Source.String() != "198.51.100.0/24" {
		t.Errorf("granted %+v", g)
	}
	wants("net", true, src4.Next().Next())         // of the same network
	wants("net", false, src4.Next().Next().Next()) // it was for once
	grant("net", src4, 0)
	if shut, err := h.live.Revoke(table, "net", netip.PrefixFrom(src4, 32)); err != nil || len(shut) != 1 {
		t.Errorf("revoked for one of a network: %v, %v", shut, err)
	}
	wants("net", false, src4)
	if _, err := h.live.Grant(table, "web", src4, time.Hour); err == nil {
		t.Error("a grant that ends, beside those that do not")
	}
	grant("web", src4, 0)
	if !h.attempt(src4, netns.TCP, 80) {
		t.Error("web is not open")
	}
	if _, err := h.live.Grant(table, "vpn", src4, 0); err == nil || !strings.Contains(err.Error(), "net, ssh, web") {
		t.Errorf("an unknown knock: %v", err)
	}
}

// TestLeftoversOnKernel: grants for ever of a knock that is no more go with it, those of
// others stay, and so do those that end by themselves.
func TestLeftoversOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(policies[1])
	for _, knock := range []string{"ssh", "web"} {
		if _, err := h.live.Grant(table, knock, src4, 0); err != nil {
			t.Fatal(err)
		}
	}
	h.apply(policies[0])
	out, err := h.Nft("list", "set", "inet", "knockc", "grants4")
	if err != nil || strings.Count(out, src4.String()) != 1 || !strings.Contains(out, "expires") {
		t.Errorf("left of the grants: %v\n%s", err, out)
	}
}

// TestForeignOnKernel: a table of someone else's is left alone.
func TestForeignOnKernel(t *testing.T) {
	h := newHost(t)
	for _, script := range []string{
		"table inet knockc {\n}\n",
		"table inet knockc {\n chain guard {\n type filter hook input priority 0\n accept comment \"mine\"\n }\n}\n",
	} {
		if err := h.Host.Load("add table inet knockc\ndelete table inet knockc\n" + script); err != nil {
			t.Fatal(err)
		}
		if _, err := h.live.Table("knockc"); err == nil || !strings.Contains(err.Error(), "not made by knockc") {
			t.Errorf("%s\nis taken for knockc's own: %v", script, err)
		}
	}
	if table, err := h.live.Table("other"); table != nil || err != nil {
		t.Errorf("a table that is not there: %v, %v", table, err)
	}
}

const countAccepted = `table inet count {
	chain later {
		type filter hook input priority 100
		iifname "eth0" th dport { 22, 500, 8000-8010 } counter
	}
}
`

// TestApplyUnderFloodOnKernel applies policies over each other while packets arrive: an
// open door stays open for each of its packets, and nobody else gets in.
func TestApplyUnderFloodOnKernel(t *testing.T) {
	h := newHost(t)
	if err := h.Host.Load(countAccepted); err != nil {
		t.Fatal(err)
	}
	table := h.apply(policies[0])
	if _, err := h.live.Grant(table, "ssh", src4, lang.Forever); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var admitted atomic.Int64
	flooded := make(chan int)
	begin := time.Now()
	go func() {
		n, err := h.Flood(func(yield func(netns.Packet) bool) {
			ports := []uint16{22, 8003, 8005, 1001, 1002, 500}
			for i := 0; !stop.Load(); i++ {
				a := netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)})
				p := netns.Packet{Src: a, SrcPort: uint16(1024 + i%60000), Proto: netns.TCP, DstPort: ports[i%6], Flags: netns.SYN}
				if i%6 == 5 {
					p.Src, p.Proto, p.Flags = src4, netns.UDP, 0
					admitted.Add(1)
				}
				if !yield(p) {
					return
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		flooded <- n
	}()
	const applied = 100
	for i := range applied {
		h.apply(policies[i%2])
		if i%20 > 1 {
			continue
		}
		if s := h.status(); s.Knocks[len(s.Knocks)-1-i%2].Open != 1 {
			t.Errorf("under the flood the status is %+v", s.Knocks)
		}
	}
	stop.Store(true)
	n := <-flooded
	out, err := h.Nft("list", "chain", "inet", "count", "later")
	if err != nil {
		t.Fatal(err)
	}
	_, through, _ := strings.Cut(out, "counter packets ")
	through, _, _ = strings.Cut(through, " ")
	t.Logf("applied %d times under %d packets, %.0f a second; %s got through", applied, n, float64(n)/time.Since(begin).Seconds(), through)
	if want := admitted.Load(); through != strconv.FormatInt(want, 10) {
		t.Errorf("%s packets got through, want %d, all that the open door admits", through, want)
	}
}

// TestDevicesOnKernel finds devices by their kind.
func TestDevicesOnKernel(t *testing.T) {
	h := &host{T: t, Host: netns.New(t, "eth0", "lan1")}
	for kind, want := range map[string][]string{"tun": {"eth0", "lan1"}, "vrf": nil} {
		var got []string
		err := h.Do(func() (err error) {
			got, err = live.Devices(kind)
			return err
		})
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("of kind %s are %v, %v", kind, got, err)
		}
	}
}
