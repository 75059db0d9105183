package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLongTrace: a trace that expects something is not held, however many packets and
// sources it has.
func TestLongTrace(t *testing.T) {
	const packets = 200_000
	dir := t.TempDir()
	var b bytes.Buffer
	fmt.Fprintln(&b, "0s 192.0.2.7 -> 1000")
	for i := range packets {
		fmt.Fprintf(&b, "+1us 10.%d.%d.%d -> 80\n", i>>16, i>>8&255, i&255)
	}
	fmt.Fprintln(&b, "+0s expect ssh open for 192.0.2.7")
	file := filepath.Join(dir, "a.trace")
	for name, text := range map[string][]byte{file: b.Bytes(), filepath.Join(dir, "policy.knock"): []byte("knock ssh < 1000 2000 -> 22 >")} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, flag := range []string{"-quiet", "-tap"} {
		var before, after runtime.MemStats
		var out strings.Builder
		runtime.ReadMemStats(&before)
		run([]string{"sim", flag, file}, strings.NewReader(""), &out, os.Stderr)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 50*packets {
			t.Errorf("%s: %d bytes for a packet", flag, took/packets)
		}
		if want := "no grant for ssh: step 1 came at 0s, step 2 (2000) has not come yet"; !strings.Contains(out.String(), want) {
			t.Errorf("%s: no %q in %s", flag, want, out.String())
		}
	}
}
