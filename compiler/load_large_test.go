//go:build linux

package compiler_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/samples"
)

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
	d := compiler.Dispatch{Name: "ports"}
	r := samples.Ruleset()
	r.Chains = r.Chains[:1]
	for i := range ports {
		name := fmt.Sprintf("udp_%d", 10000+i)
		port := uint16(10000 + i)
		d.Entries = append(d.Entries, compiler.DispatchEntry{Proto: compiler.ProtoUDP, First: port, Last: port, Verdict: compiler.Verdict{Kind: compiler.Goto, Chain: name}})
		r.Chains = append(r.Chains, &compiler.Chain{Name: name, Rules: []compiler.Rule{
			samples.Rule("", compiler.Lookup{Key: v4Key, Set: "s4"}, accept),
			samples.Rule("", compiler.Lookup{Key: v6Net, Set: "s6"}, accept),
			samples.Rule("", compiler.Update{Key: v4Key, Set: "s4", Timeout: time.Second}, compiler.Count{Counter: "unused"}),
			samples.Rule("", compiler.Update{Key: v6Net, Set: "s6", Timeout: time.Second}, compiler.Count{Counter: "unused"}),
			samples.Rule("", compiler.Delete{Key: v4Net, Set: "s4"}),
			samples.Rule("the end of "+name, drop),
		}})
	}
	if ranges {
		d.Entries[0].First--
	}
	r.Chains[0].Rules = []compiler.Rule{samples.Rule("", d)}
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
