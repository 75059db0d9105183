package trace

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBlocks: lines that lie across two blocks of the text are read whole, and so is
// one that is longer than a block.
func TestBlocks(t *testing.T) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%d.%03ds 192.0.2.%d -> %d # line %d\n", i/1000, i%1000, i%256, 1+i%65535, i+1)
	}
	fmt.Fprintf(&text, "# %s\n+1s 192.0.2.7 -> 22 # the last", strings.Repeat("x", 3*blockSize))
	r, n := NewReader(strings.NewReader(text.String())), 0
	parsed, _ := Parse([]byte(text.String()))
	for e := r.Next(); e != nil; e = r.Next() {
		if want := parsed.Events[n]; e.At != want.At || e.Packet.Src != want.Packet.Src || e.Span != want.Span {
			t.Fatalf("event %d is %+v, want %+v", n, *e, want)
		}
		n++
	}
	if n != len(parsed.Events) || r.Err() != nil || len(r.Findings()) > 0 {
		t.Errorf("%d events, %v, %v", n, r.Err(), r.Findings())
	}
}

// TestReadError: what cannot be read ends the trace, and is told.
func TestReadError(t *testing.T) {
	r := NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("0s 192.0.2.7 -> 22\n"))))
	for r.Next() != nil {
	}
	if r.Err() != iotest.ErrTimeout {
		t.Error(r.Err())
	}
}

// BenchmarkReader reads lines of the usual form.
func BenchmarkReader(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%d.%03ds 10.%d.%d.%d -> %d\n", i/1000, i%1000, i>>16&255, i>>8&255, i&255, 1+i%65535)
	}
	src := []byte(text.String())
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		r := NewReader(bytes.NewReader(src))
		for e := r.Next(); e != nil; e = r.Next() {
			events++
		}
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
