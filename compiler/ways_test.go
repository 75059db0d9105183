//go:build linux

package compiler_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
)

// A way is one of the forms of a ruleset, and how it reaches the kernel.
type way struct {
	name string
	load func(t *testing.T, h *netns.Host, r *compiler.Ruleset) error
}

var ways = []way{
	{"text", loadText},
	{"netlink", loadNetlink},
}

func loadText(t *testing.T, h *netns.Host, r *compiler.Ruleset) error {
	var b strings.Builder
	if err := r.WriteNFT(&b, nil); err != nil {
		return err
	}
	return h.Load(b.String())
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
	raw, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: int(namespace.Fd())})
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := r.DeclareCodes(raw); err != nil {
		return err
	}
	if err := r.Load(c); err != nil {
		return err
	}
	return r.SetCollections(raw)
}

func mustLoad(t *testing.T, w way, h *netns.Host, r *compiler.Ruleset) {
	t.Helper()
	if err := w.load(t, h, r); err != nil {
		t.Fatalf("%s: %v", w.name, err)
	}
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

// order distinguishes objects, except for the rules of a chain. A base chain that is
// made again comes last in a listing.
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

var (
	accept = compiler.Verdict{Kind: compiler.Accept}
	drop   = compiler.Verdict{Kind: compiler.Drop}

	v4Key = compiler.Key{Family: compiler.IPv4, Bits: 32, State: 7}
	v4Net = compiler.Key{Family: compiler.IPv4, Bits: 23, State: 0x80c0ffee}
	v6Key = compiler.Key{Family: compiler.IPv6, Bits: 128, State: 8}
	v6Net = compiler.Key{Family: compiler.IPv6, Bits: 64, State: 1}
)
