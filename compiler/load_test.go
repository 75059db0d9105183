//go:build linux

package compiler_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/samples"
	"example.org/knockc/lang"
)

// TestWritersAgreeOnKernel loads each instruction in each of its forms in all
// ways, and over itself: the listings are the same.
func TestWritersAgreeOnKernel(t *testing.T) {
	for name, r := range map[string]*compiler.Ruleset{
		"everything": samples.Everything(),
		"fragment":   unhooked(samples.Everything()),
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
				mustLoad(t, w, h, r)
				if diff := cmp.Diff(got, list(t, h)); diff != "" {
					t.Errorf("%s over itself (-, +):\n%s", w.name, diff)
				}
			}
		})
	}
}

// unhooked is a ruleset without its first base chain.
func unhooked(r *compiler.Ruleset) *compiler.Ruleset {
	r.Chains[0].Hook = nil
	return r
}

// TestPairsAgreeOnKernel has all pairs of instructions, since what the first
// matches need not be matched for the second.
func TestPairsAgreeOnKernel(t *testing.T) {
	var rules []compiler.Rule
	for _, first := range samples.All() {
		for _, second := range append(samples.All(), samples.Endings()...) {
			if first.Agrees(second) {
				rules = append(rules, samples.Rule("", first.Instruction, second.Instruction))
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
			mustLoad(t, w, hosts[i], samples.Ruleset(some...))
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
// priority and other sizes. Older kernels keep the sizes. The elements that rules of either made stay, and the
// rules of one way find those of another.
func TestLoadOverOnKernel(t *testing.T) {
	h := netns.New(t, "eth0")
	text, netlink := ways[0], ways[1]
	turns := []way{text, netlink, netlink, text, text, netlink}
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

// TestCodesOnKernel: a code lets in once and its copy does not, whichever way the ruleset
// was loaded, and what is loaded over it keeps the codes. A payload that is shorter than a
// code, or begins with another one, finds nothing.
func TestCodesOnKernel(t *testing.T) {
	r := samples.Ruleset(samples.Rule("", compiler.L4Proto{Number: compiler.ProtoUDP}, compiler.Spend{Set: "codes"}, accept), samples.Rule("", drop))
	for _, w := range ways {
		h := netns.New(t, "eth0")
		mustLoad(t, w, h, r)
		var codes []string
		for i := range 4 * len(ways) {
			codes = append(codes, fmt.Sprintf("%016d", i))
		}
		for _, c := range codes {
			if _, err := h.Nft("add", "element", "inet", "knock", "codes", fmt.Sprintf("{ 0x%x timeout 1h }", c)); err != nil {
				t.Fatal(err)
			}
		}
		opens := func(payload string) bool {
			t.Helper()
			r, err := h.Send(netns.Packet{Src: netip.MustParseAddr("192.0.2.7"), Proto: netns.UDP, DstPort: 9, Payload: payload})
			if err != nil {
				t.Fatal(err)
			}
			return r.Accepted
		}
		for _, over := range ways {
			mustLoad(t, over, h, r)
			for _, wrong := range []string{"", codes[0][:15], "x" + codes[0]} {
				if opens(wrong) {
					t.Errorf("%s, then %s: %q opens", w.name, over.name, wrong)
				}
			}
			if first, copied := opens(codes[0]), opens(codes[0]); !first || copied {
				t.Errorf("%s, then %s: a code opens: %v, its copy: %v", w.name, over.name, first, copied)
			}
			if !opens(codes[1]+"and more") || opens(codes[1]) {
				t.Errorf("%s, then %s: a code with more after it", w.name, over.name)
			}
			codes = codes[2:]
		}
	}
}

// doors is a ruleset where port 1 opens port 2.
func doors(turn int) *compiler.Ruleset {
	port := func(n uint16, rest ...compiler.Instruction) compiler.Rule {
		return samples.Rule("", append([]compiler.Instruction{compiler.L4Proto{Number: compiler.ProtoUDP}, compiler.Ports{First: n, Last: n}}, rest...)...)
	}
	count := compiler.Count{Counter: "ssh-opened"}
	r := samples.Ruleset(
		port(1, compiler.Update{Key: v4Net, Set: "s4", Timeout: time.Hour}, count, drop),
		port(1, compiler.Update{Key: v6Net, Set: "s6", Timeout: lang.Forever}, count, drop),
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

// sizesChange reports whether the kernel gives a set that is there another size: Linux 6.5
// and later do.
func sizesChange(t *testing.T) bool {
	t.Helper()
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(uname.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 5
}

// checkNumbers checks what a reload could leave as it was.
func checkNumbers(t *testing.T, h *netns.Host, r *compiler.Ruleset) {
	t.Helper()
	priority := r.Chains[0].Hook.Priority
	if !sizesChange(t) {
		r = doors(0) // over which it was loaded
	}
	listing, err := h.Nft("-j", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf(`"prio": %d,`, priority),
		fmt.Sprintf(`"size": %d,`, r.Sets[0].Size),
		fmt.Sprintf(`"size": %d,`, r.Sets[1].Size),
	} {
		if !strings.Contains(listing, want) {
			t.Errorf("the listing has no %s", want)
		}
	}
}

// TestFractionsOnKernel has timeouts that are no whole seconds, without JSON.
func TestFractionsOnKernel(t *testing.T) {
	r := samples.Ruleset(
		samples.Rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: 1500 * time.Millisecond}),
		samples.Rule("", compiler.Update{Key: v6Key, Set: "s6", Timeout: time.Millisecond}))
	var listings [][]string
	for _, w := range ways {
		h := netns.New(t, "eth0")
		mustLoad(t, w, h, r)
		listings = append(listings, list(t, h))
	}
	if diff := cmp.Diff(listings[0], listings[1]); diff != "" {
		t.Errorf("netlink lists as other rules than text (-, +):\n%s", diff)
	}
}

// TestSetUpsAgreeOnKernel loads the policies that users begin with in all three ways.
func TestSetUpsAgreeOnKernel(t *testing.T) {
	files, err := filepath.Glob("../testdata/policies/*.knock")
	if err != nil || len(files) == 0 {
		t.Fatal("no policies", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := compile(t, string(text)).Ruleset
			var listings [][]string
			for _, w := range ways {
				h := netns.New(t, "eth0")
				mustLoad(t, w, h, r)
				listings = append(listings, list(t, h))
			}
			for i, w := range ways[1:] {
				if diff := cmp.Diff(listings[0], listings[i+1]); diff != "" {
					t.Errorf("text and %s (-text +%s):\n%.2000s", w.name, w.name, diff)
				}
			}
		})
	}
}
