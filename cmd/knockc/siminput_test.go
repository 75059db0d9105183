package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestNothingIsHeld: neither what comes from standard input nor what has a row in the
// table for each packet is held, however long it is.
func TestNothingIsHeld(t *testing.T) {
	const packets, inMemory = 300_000, 4 << 20
	dir := t.TempDir()
	policy, file := filepath.Join(dir, "policy.knock"), filepath.Join(dir, "a.trace")
	var text, capture bytes.Buffer
	capture.WriteString(pcapHeader)
	for i := range packets {
		fmt.Fprintf(&text, "+1us 10.%d.%d.%d -> 80\n", i>>16, i>>8&255, i&255)
		capture.Write(pcapRecord(uint32(i), rawSYN(uint32(i))))
	}
	for name, text := range map[string][]byte{file: text.Bytes(), policy: []byte("knock ssh < 1000 2000 -> 10000 >")} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if text.Len() < inMemory || capture.Len() < inMemory {
		t.Fatal("too short to go to a temporary file")
	}
	for name, c := range map[string]struct {
		trace string
		in    []byte
	}{
		"a file": {file, nil}, "a trace from standard input": {"-", text.Bytes()}, "a capture from standard input": {"-", capture.Bytes()},
	} {
		out := &liveHeap{}
		before := liveBytes()
		in := io.MultiReader(bytes.NewReader(c.in)) // of an unknown length
		if status := run([]string{"sim", "-policy", policy, c.trace}, in, out, os.Stderr); status != exitOK {
			t.Errorf("%s: exit status %d", name, status)
		}
		if held := int64(out.most) - int64(before); held > 3*inMemory {
			t.Errorf("%s: %d bytes are held", name, held)
		}
		if !strings.Contains(out.last, fmt.Sprintf("%d packets", packets)) {
			t.Errorf("%s: it ends in %q", name, out.last)
		}
	}
}

// liveHeap looks now and then how much memory is in use while it is written to.
type liveHeap struct {
	writes int
	most   uint64
	last   string
}

func (w *liveHeap) Write(p []byte) (int, error) {
	if w.writes++; w.writes%400 == 0 {
		w.most = max(w.most, liveBytes())
	}
	w.last = string(p)
	return len(p), nil
}

// liveBytes is how much of the heap is in use.
func liveBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
