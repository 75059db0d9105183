package spec

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// fragment is the text to be included in a table.
func fragment(t *testing.T, p *pair) string {
	t.Helper()
	var text strings.Builder
	if err := p.result.Ruleset.Fragment().WriteFragment(&text, nil); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// around is a table with the fragment, which accepts what that leaves open.
func around(t *testing.T, p *pair) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("table inet filter {\n" + fragment(t, p))
	for i, e := range p.result.Ruleset.Entries() {
		priority := "filter"
		if e.Hook == compiler.Prerouting {
			priority = "-110"
		}
		fmt.Fprintf(&text, "chain base%d {\n type filter hook %s priority %s; policy accept;\n jump %s\n }\n", i, e.Hook, priority, e.Chain)
	}
	return text.String() + "}"
}

// TestFragmentsOnKernel gives the cases to a fragment in a table that accepts what
// it leaves open: they are decided as by a table of its own.
func TestFragmentsOnKernel(t *testing.T) {
	pairs := loadCases(t)
	for _, p := range pairs {
		if p.policy.Settings.Hook == lang.HookPrerouting {
			pairs = append(pairs, atInput(t, p))
		}
	}
	pairs = append(pairs, hostAndOther(t))
	var scripts []string
	for _, p := range pairs {
		scripts = append(scripts, around(t, p))
	}
	total := tally{traces: len(pairs)}
	for _, o := range onKernelWith(t, pairs, scripts) {
		total.judge(t, o)
	}
	t.Log(&total)
}

// atInput is the pair with its policy at the hook input.
func atInput(t *testing.T, p *pair) *pair {
	t.Helper()
	policy, moved := *p.policy, *p
	policy.Settings.Hook, policy.Settings.Priority = lang.HookInput, lang.InputPriority
	moved.name, moved.policy = p.name+" at input", &policy
	if moved.result, _ = compiler.Compile(&policy); moved.result == nil {
		t.Fatal(moved.name)
	}
	return &moved
}

// hostAndOther has services at the host and at others.
func hostAndOther(t *testing.T) *pair {
	t.Helper()
	tr, found := trace.Parse([]byte(`
0s 192.0.2.7 -> 22 => drop
+0s 192.0.2.7 -> 22 to 10.0.0.5 => drop
+0s 192.0.2.7 -> 22 to 10.0.0.6 => pass
+0s 192.0.2.7 -> 7001 to 10.0.0.6 => pass
+0s 192.0.2.7 -> 7001 => pass
+0s 192.0.2.7 -> 9002 to 10.0.0.5 => pass
+0s 192.0.2.7 -> 22 => drop
+0s 192.0.2.7 -> 22 to 10.0.0.5 => accept
`))
	for _, f := range found {
		t.Fatal(f)
	}
	p, err := newPair("elsewhere", "knock ssh < 7002 9002 -> 22 > knock nas < 7001 9002 -> 22 at 10.0.0.5 >", tr.Events)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFilterOnKernel loads a firewall of one's own with the example in it, also over
// itself.
func TestFilterOnKernel(t *testing.T) {
	policy := readFile(t, "../testdata/policies/ssh.knock")
	p, err := newPair("ssh.knock", policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	files := map[string]string{"knock.nft": fragment(t, p), "filter.nft": readFile(t, "../testdata/recipe/filter.nft")}
	for name, text := range files {
		text = strings.ReplaceAll(text, `"./knock.nft"`, `"`+filepath.Join(folder, "knock.nft")+`"`)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := netns.New(t, "eth0")
	load := func() {
		t.Helper()
		if _, err := h.Nft("-f", filepath.Join(folder, "filter.nft")); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range []uint16{22, 80, 81} {
		if err := h.Listen(netns.TCP, port); err != nil {
			t.Fatal(err)
		}
	}
	visitor := visitor{t, h, netip.MustParseAddr("192.0.2.7")}

	load()
	visitor.wants(22, false)
	visitor.wants(80, true) // her own rule
	visitor.wants(81, false)
	for _, port := range []uint16{10000, 2345, 3456, 1234} {
		load()
		visitor.wants(port, false)
	}
	visitor.wants(22, true)
	load()
	visitor.wants(22, true)
	visitor.wants(81, false)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// visitor sends SYNs from one address.
type visitor struct {
	t   *testing.T
	h   *netns.Host
	src netip.Addr
}

func (v visitor) accepted(port uint16) bool {
	v.t.Helper()
	r, err := v.h.Send(netns.Packet{Src: v.src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
	if err != nil {
		v.t.Fatal(err)
	}
	return r.Accepted
}

func (v visitor) wants(port uint16, accepted bool) {
	v.t.Helper()
	if v.accepted(port) != accepted {
		v.t.Errorf("%v -> %d: accepted is %v", v.src, port, !accepted)
	}
}
