package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll reads a text by a reader, on the short way where it goes or not.
func readAll(src []byte, parseAll bool) string {
	r := NewReader(iotest.OneByteReader(bytes.NewReader(src)))
	r.parseAll = parseAll
	var b strings.Builder
	for e := r.Next(); e != nil; e = r.Next() {
		event, _ := json.Marshal(e) // follows the pointers
		fmt.Fprintf(&b, "%s\n", event)
	}
	fmt.Fprintf(&b, "%v %v\n", r.Policy(), r.Findings())
	return b.String()
}

// TestShortWay: what the short way reads is what the parser reads, and what is not for
// it is left to the parser.
func TestShortWay(t *testing.T) {
	lines := []string{
		"0s 192.0.2.7 -> 22", "  +1.5s\t192.0.2.7:5000  ->  udp/22  =>  drop  ", "1s 192.0.2.7 -> tcp/22 => reject\r",
		"+10ms 2001:db8::7 -> 65535 => accept", "+1us [2001:db8::7]:1 -> 22", "12.345 192.0.2.7 -> 22", "+1 192.0.2.7 -> 22",
		"1m30s 192.0.2.7 -> 22", "1.0000000001s 192.0.2.7 -> 22", "1.5us 192.0.2.7 -> 22", "+0.1234567us 192.0.2.7 -> 22",
		"+1s 192.0.2.07 -> 22", "+1s 192.0.2.256 -> 22", "+1s 192.0.2 -> 22", "+1s 192.0.2.7 -> 0", "+1s 192.0.2.7 -> 65536",
		"+1s 192.0.2.7 -> 022", "+1s 192.0.2.7:0 -> 22", "+1s 192.0.2.7->22=>drop", "+1s 192.0.2.7 -> 22 => drop # why",
		"+1s 192.0.2.7 -> 22# why", "+1s 192.0.2.7 -> 22 ack", "+1s 192.0.2.7 -> 22-30 every 1s", "+1s 192.0.2.7 -> ping",
		"+1s 192.0.2.7 -> 22 => dropped", "+1s 192.0.2.7 -> 22 => drop drop", "+1s 192.0.2.7 -> 22 =>", "+1s 192.0.2.7 -> udp/",
		"+1s expect ssh open for 192.0.2.7", "policy x.knock", "# comment", "", "   ", "+1s", "+ 192.0.2.7 -> 22", "+1s\u00a0192.0.2.7 -> 22",
		"+1s 192.0.2.7 -> 22 \x00", "+1s ::ffff:192.0.2.7 -> 22", "+1s fe80::1%eth0 -> 22", "+999999999s 192.0.2.7 -> 22", "+9999999999s 192.0.2.7 -> 22",
		"5s 192.0.2.7 -> 22", "00s 192.0.2.7 -> 22", "01s 192.0.2.7 -> 22", "+1s 192.0.2.7 -> 22 =>drop", "+1s 192.0.2.7 ->22",
		"+1s 192.0.2.7 -> 22 => pass", "+1s 192.0.2.7 -> 22=>pass\r", "+1s 192.0.2.7 -> 22 => pas", "+1s 192.0.2.7 -> 22 => passed",
		"+1s 192.0.2.7 -> 22 to 10.0.0.5", "+1s 192.0.2.7 -> 22 to 10.0.0.5 => pass", "+1s 192.0.2.7 -> 22 to", "+1s 192.0.2.7 -> 22to 10.0.0.5",
		"+1s 192.0.2.7 -> 22 answered => pass", "+1s 192.0.2.7 -> 22 answered", "+1s 192.0.2.7 -> 22 => pass answered",
	}
	for _, line := range lines {
		for _, text := range []string{line, "2s 192.0.2.1 -> 1\n" + line + "\n+1s 192.0.2.1 -> 2\n"} {
			if diff := cmp.Diff(readAll([]byte(text), true), readAll([]byte(text), false)); diff != "" {
				t.Errorf("%q (-parsed +short way):\n%s", text, diff)
			}
		}
	}
}

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

// FuzzShortWay looks for lines that the short way reads otherwise.
func FuzzShortWay(f *testing.F) {
	f.Add([]byte("0s 192.0.2.7:5000 -> udp/22 => drop\n+1.5ms 2001:db8::1 -> 22\n"))
	f.Add([]byte("0s 192.0.2.7 -> 22 => pass\n+1s 192.0.2.7 -> 22 to 10.0.0.5 => pass\n+1s 192.0.2.7 -> 22 answered\n+1s 192.0.2.7 -> 22 => pass\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if diff := cmp.Diff(readAll(src, true), readAll(src, false)); diff != "" {
			t.Errorf("(-parsed +short way):\n%s", diff)
		}
	})
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
