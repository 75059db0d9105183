package trace_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"example.org/knockc/internal/proportion"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// endless is a text that repeats one thing without an end, and counts how much of it
// was read.
type endless struct {
	repeat string
	read   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.repeat[e.read%len(e.repeat)]
		e.read++
	}
	return len(p), nil
}

// TestEndless: of a text without an end only so much is read that it is clear that it is
// faulty.
func TestEndless(t *testing.T) {
	for _, test := range []struct{ begin, repeat, last string }{
		{"", "y\n", "there are more errors: reading stopped here, after 100"},
		{"0s 192.0.2.7 -> 22\n", "+1s 192.0.2.7 -> 0\n", "there are more errors: reading stopped here, after 100"},
		{"", "\x00", "this line is longer than 1 MiB"},
		{"0s 192.0.2.7 -> 22", " ", "this line is longer than 1 MiB"},
		{"0s 192.0.2.7 -> 22", " on eth0", "this line is longer than 1 MiB"},
		{"", "knock a < 1 2 -> 22 >\n", "this is a policy, not a trace"},
		{"\xff\xfe", "0\x00s\x00\n\x00", "this is text in UTF-16, not a trace"},
	} {
		in := &endless{repeat: test.repeat}
		r := trace.NewReader(io.MultiReader(strings.NewReader(test.begin), in))
		for r.Next() != nil {
		}
		found := r.Findings()
		if last := found[len(found)-1].Message; last != test.last || len(found) > lang.MaxErrors+1 || r.Err() != nil {
			t.Errorf("%q and many %q: %d findings, the last one %q, %v", test.begin, test.repeat, len(found), last, r.Err())
		}
		if most := 4 * trace.MaxLine; in.read > most {
			t.Errorf("%q and many %q: %d bytes are read, want %d at most", test.begin, test.repeat, in.read, most)
		}
	}
}

// TestLongLine: what is wrong with a line is found in it however long it is, and a line
// of the greatest length is read.
func TestLongLine(t *testing.T) {
	line := "0s 192.0.2.7 -> 22" + strings.Repeat(" on é", 40)
	_, found := trace.Parse([]byte(line))
	for i, f := range found[1:] { // of the first, the interface is none
		at := lang.Pos{Offset: len("0s 192.0.2.7 -> 22 ") + 6*(i/2+1), Line: 1, Column: len("0s 192.0.2.7 -> 22 ") + 5*(i/2+1) + 1}
		if i%2 == 0 && f.Span.Start != at {
			t.Errorf("the finding %q is at %v, want %v", f.Message, f.Span.Start, at)
		}
	}
	line = "0s 192.0.2.7 -> 22"
	line += strings.Repeat(" ", trace.MaxLine-len(line))
	if tr, found := trace.Parse([]byte(line)); len(tr.Events) != 1 || len(found) > 0 {
		t.Errorf("the longest line: %d events, %v", len(tr.Events), found)
	}
	if tr, found := trace.Parse([]byte(line + " ")); len(tr.Events) != 0 || len(found) != 1 {
		t.Errorf("a line that is longer: %d events, %v", len(tr.Events), found)
	}
}

// TestHostile reads and formats texts that repeat one thing, at two lengths: that takes
// time in proportion to their length.
func TestHostile(t *testing.T) {
	for _, begin := range []string{"", "0s 192.0.2.7 -> 22 "} {
		for _, repeat := range []string{
			"on eth0 ", "ack ", "x ", "\"", "\"x\" ", "-> ", "=> drop ", "- ", "1-", "/", "é", "#", "\n", "# x\n", "0", "1s", "+1s ", "expect ",
			"+1s 192.0.2.7 -> 22\n", "+1s 192.0.2.7 -> 22 on eth0 # x\n", "+1s expect a open for ::1\n", "policy x\n", "every 1ms ", "192.0.2.7 ",
		} {
			proportion.Check(t, fmt.Sprintf("%q and many %q", begin, repeat), 1000, func(n int) {
				text := []byte(begin + strings.Repeat(repeat, n))
				trace.Parse(text)
				trace.Format(text)
				r := trace.NewReader(strings.NewReader(string(text)))
				for r.Next() != nil {
				}
			})
		}
	}
}
