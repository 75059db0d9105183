package trace

import (
	"bytes"
	"fmt"
	"slices"
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

// TestKeeps: findings and the policy's name stay what they are while the reader goes on
// to other blocks of the text.
func TestKeeps(t *testing.T) {
	text := "policy ssh.knock\n0s 192.0.2.7 -> 022 => dropp # é\n" + strings.Repeat("+1s 192.0.2.8 -> 1000 on eth0 => accept\n", 3*blockSize/40)
	r := NewReader(strings.NewReader(text))
	for r.Next() != nil {
	}
	parsed, found := Parse([]byte(text))
	if !slices.Equal(r.Findings(), found) || *r.Policy() != *parsed.Policy || len(found) != 2 {
		t.Errorf("%v, %+v, want %v, %+v", r.Findings(), *r.Policy(), found, *parsed.Policy)
	}
}

// TestAllocations: whatever the form of a line, reading it allocates nothing.
func TestAllocations(t *testing.T) {
	for _, line := range []string{
		"+12.345678 192.0.2.7:5000 -> 22", "+1m1.5s 2001:db8::7 -> udp/22 => drop", "+0 [2001:db8::7]:1 -> ping/9 unanswered # why, é",
		"+1us 192.0.2.7->1-9 every 1ms shuffle 7 on \"br-lan\" to 10.0.0.5=>pass", "+1s 192.0.2.7 -> 22 psh ack answered on eth0.1@2 => pass",
		"+0s expect ssh open for 192.0.2.7", "+0s expect ssh at 2 for 2001:db8::7", "+1s 192.0.2.7 -> udp/62201 otp ssh -1m30s", "# a comment", "",
	} {
		const lines = 10000
		text := "0s 192.0.2.7 -> 22\n" + strings.Repeat(line+"\n", lines)
		allocations := testing.AllocsPerRun(1, func() {
			r := NewReader(strings.NewReader(text))
			for r.Next() != nil {
			}
			if found := r.Findings(); len(found) > 0 {
				t.Fatal(found)
			}
		})
		if allocations > lines/100 {
			t.Errorf("%q: %v allocations for %d lines", line, allocations, lines)
		}
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
