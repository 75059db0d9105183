//go:build linux

package live_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/live"
)

// firstVersion is a policy and what knockc 0.1.0, whose one base chain was at the hook
// input, has built of it.
func firstVersion(t *testing.T) (policy, rules string) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/v0.1.0.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return string(archive.Files[0].Data), string(archive.Files[1].Data)
}

// knock sends attempts, at a port or a ping.
func (h *host) knock(src netip.Addr, steps ...string) {
	h.Helper()
	for _, step := range steps {
		p := netns.Packet{Src: src, Proto: netns.TCP, Flags: netns.SYN}
		if step == "ping" {
			p = netns.Packet{Src: src, Proto: netns.Ping}
		} else if _, err := fmt.Sscan(step, &p.DstPort); err != nil {
			fmt.Sscanf(step, "udp/%d", &p.DstPort)
			p.Proto, p.Flags = netns.UDP, 0
		}
		if _, err := h.Send(p); err != nil {
			h.Fatal(err)
		}
	}
}

// standings are who stands where.
func (h *host) standings() (all []string) {
	h.Helper()
	for _, d := range h.status().Standings {
		all = append(all, fmt.Sprintf("%s %s open %v, role %d at %d/%d", d.Knock, d.Source, d.Role == compiler.Grant, d.Role, d.Step, d.Of))
	}
	return all
}

// sources of the tests of reloads: who has opened doors, and who is under way.
var (
	guests   = []netip.Addr{src4, src6}
	knockers = []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8:9::9")}
)

func (h *host) standSomewhere() {
	h.Helper()
	for _, src := range guests {
		h.knock(src, "1001", "1002", "udp/1003", "3001", "3002", "2001", "2002", "ping", "2001", "4001", "4002")
	}
	for _, src := range knockers {
		h.knock(src, "1001", "1002", "2001", "2002")
	}
}

// goOn goes on from where the sources stood.
func (h *host) goOn(when string) {
	h.Helper()
	for _, src := range guests {
		for _, port := range []uint16{22, 8003, 80, 443} {
			if !h.attempt(src, netns.TCP, port) {
				h.Errorf("%s: %s -> %d is shut", when, src, port)
			}
		}
		h.knock(src, "2001", "2003")
		if h.attempt(src, netns.TCP, 80) {
			h.Errorf("%s: %s has shut the door to 80, and it is open", when, src)
		}
	}
	for _, src := range knockers {
		if h.attempt(src, netns.TCP, 80) { // any other attempt resets that knock
			h.Errorf("%s: %s -> 80 is open", when, src)
		}
		h.knock(src, "ping", "udp/1003")
		for _, port := range []uint16{22, 80} {
			if !h.attempt(src, netns.TCP, port) {
				h.Errorf("%s: %s has opened %d, and it is shut", when, src, port)
			}
		}
	}
}

var waysOfLoading = map[string]func(h *host, policy string){
	"apply":  func(h *host, policy string) { h.Helper(); h.apply(policy) },
	"nft -f": func(h *host, policy string) { h.Helper(); h.script(policy) },
}

// isClean holds the table to the policy that was loaded last: its base chains and no others.
func (h *host) isClean(policy, way string) {
	h.Helper()
	change, err := h.live.ChangedByHand(h.table("knockc"), compile(h.T, policy).Ruleset)
	if err != nil || change != "" {
		h.Errorf("%s: %s, %v", way, change, err)
	}
	if way != "apply" {
		return
	}
	fresh := newHost(h.T)
	fresh.script(policy)
	if is, want := h.rules(), fresh.rules(); is != want {
		h.Errorf("%s", diff.Diff("applied", []byte(is), "loaded by nft", []byte(want)))
	}
}

const elsewhereToo = "knock nas < 1001 9002 -> 22 443 at 10.0.0.5 2001:db8:1::5 >\n"

// TestFromFirstVersionOnKernel loads policies over a table of version 0.1.0: all that
// stands there goes on, and nothing of the old layout is left.
func TestFromFirstVersionOnKernel(t *testing.T) {
	policy, rules := firstVersion(t)
	for _, later := range []string{policy, "hook input\n" + policy, policy + elsewhereToo, strings.TrimPrefix(policy, "default drop\n")} {
		for way, load := range waysOfLoading {
			h := newHost(t)
			if err := h.Host.Load(rules); err != nil {
				t.Fatal(err)
			}
			h.standSomewhere()
			stood := h.standings()
			if n := len(slices.DeleteFunc(slices.Clone(stood), func(s string) bool { return !strings.Contains(s, "open true") })); n != 8 {
				t.Fatalf("%d doors are open:\n%s", n, strings.Join(stood, "\n"))
			}
			load(h, later)
			if stand := h.standings(); !slices.Equal(stand, stood) {
				t.Errorf("%s: where they stood\n%s\nand stand\n%s", way, strings.Join(stood, "\n"), strings.Join(stand, "\n"))
			}
			h.isClean(later, way)
			h.goOn(way)
		}
	}
}

// TestToldOfFirstVersionOnKernel: apply tells what becomes of a table of version 0.1.0.
func TestToldOfFirstVersionOnKernel(t *testing.T) {
	policy, rules := firstVersion(t)
	h := newHost(t)
	if err := h.Host.Load(rules); err != nil {
		t.Fatal(err)
	}
	table := h.table("knockc")
	const rest = "open 8080 trust 203.0.113.0/24"
	want := "~ settings are `default drop refuse reject " + rest + "`, were `default drop refuse reject hook input " + rest + "`"
	if told := strings.Join(live.Compare(table, compile(t, policy).Ruleset), "\n"); told != want {
		t.Errorf("told is\n%s\nwant\n%s", told, want)
	}
	if told := live.Compare(table, compile(t, "hook input\n"+policy).Ruleset); len(told) > 0 {
		t.Errorf("with the hook that it had, told is %s", told)
	}
	if err := h.live.Remove(table.Name); err != nil {
		t.Fatal(err)
	}
	if left := h.rules(); left != "" {
		t.Errorf("removed, and left is\n%s", left)
	}
}

// TestOtherHooksOnKernel: the guard moves to another hook, and services elsewhere come and
// go, with open doors and steps under way.
func TestOtherHooksOnKernel(t *testing.T) {
	policy, _ := firstVersion(t)
	layouts := []string{policy, "hook input\n" + policy, policy + elsewhereToo, policy, "hook input priority -20\n" + policy, policy + elsewhereToo, "hook input\n" + policy}
	for way, load := range waysOfLoading {
		h := newHost(t)
		load(h, layouts[0])
		h.standSomewhere()
		stood := h.standings()
		for i, later := range append(layouts, layouts...) {
			load(h, later)
			if stand := h.standings(); !slices.Equal(stand, stood) {
				t.Errorf("%s: where they stood\n%s\nand stand\n%s", way, strings.Join(stood, "\n"), strings.Join(stand, "\n"))
			}
			if i < len(layouts) {
				h.isClean(later, way)
			}
		}
		h.goOn(way)
	}
}
