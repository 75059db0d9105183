package trace_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/internal/golden"
	"example.org/knockc/lang/trace"
)

// TestFindings shows every kind of mistake in a trace.
func TestFindings(t *testing.T) {
	golden.Run(t, "testdata/findings.txtar", func(t *testing.T, name string, src []byte) []byte {
		_, found := trace.Parse(src)
		if len(found) == 0 {
			t.Error("no finding")
		}
		var b strings.Builder
		for _, f := range found {
			b.WriteString(f.Render(name, src))
		}
		return []byte(b.String())
	})
}

// TestParse reads one line of each form.
func TestParse(t *testing.T) {
	text := "\ufeff# a comment\r\npolicy \"my policy.knock\" # named\r\nstart 2026-11-28T12:00:00Z\r\n" +
		"12.5 192.0.2.7:50001->22 psh ack=>accept\r\n" +
		"+1 [2001:db8::7]:1 -> udp/53\n" +
		"+1m0.5s 2001:db8::7 -> tcp/22 null => reject # why\n" +
		"+0 expect ssh closed for 192.0.2.7\n" +
		"+0 expect at at 3 for 2001:db8::7\n" +
		"+0 192.0.2.7:7 -> ping/0 unanswered on \"br-lan\"\n" +
		"+0 192.0.2.7 -> ping on wg-home.1@2\n" +
		"+0 192.0.2.7 -> 65535-65535 every 0s ack shuffle 18446744073709551615 => drop\n" +
		"+0 192.0.2.7 -> udp/1-1001 reverse every 1ms100us\n" +
		"+0 192.0.2.7 -> 1-65535 every 1ns\n" +
		"+0 192.0.2.7:7 -> 22 to 10.0.0.5 answered ack=>pass\n" +
		"+0 2001:db8::7 -> ping/9 to 2001:db8:1::5 => pass\n" +
		"+0 192.0.2.7 -> udp/1-3 answered every 1s to 10.0.0.5\n" +
		"+0 192.0.2.7 -> udp/62201 otp on on wg0\n" +
		"+0 192.0.2.7 -> udp/62201 unanswered otp ssh-2 -1m30s => pass\n" +
		"+0 192.0.2.7 -> udp/1-2 otp ssh +1h every 1s=>pass\n"
	tr, found := trace.Parse([]byte(text))
	if len(found) > 0 {
		t.Fatal(found)
	}
	if tr.Policy == nil || tr.Policy.File != "my policy.knock" {
		t.Errorf("policy %+v", tr.Policy)
	}
	if tr.Start != 1795867200 {
		t.Errorf("start %d", tr.Start)
	}
	want := []string{
		"12.5s 192.0.2.7:50001 -> 22 psh ack accept",
		"13.5s [2001:db8::7]:1 -> udp/53",
		"1m14s 2001:db8::7 -> 22 null reject",
		"1m14s expect ssh closed for 192.0.2.7",
		"1m14s expect at at 3 for 2001:db8::7",
		"1m14s 192.0.2.7:7 -> ping/0 on br-lan unanswered",
		"1m14s 192.0.2.7 -> ping on wg-home.1@2",
		"1m14s 192.0.2.7 -> 65535-65535 ack drop every 0s order 2 seed 18446744073709551615",
		"1m14s 192.0.2.7 -> udp/1-1001 every 1.1ms order 1 seed 0",
		"1m15.1s 192.0.2.7 -> 1-65535 every 1ns order 0 seed 0",
		"1m15.100065534s 192.0.2.7:7 -> 22 ack to 10.0.0.5 answered pass",
		"1m15.100065534s 2001:db8::7 -> ping/9 to 2001:db8:1::5 pass",
		"1m15.100065534s 192.0.2.7 -> udp/1-3 to 10.0.0.5 answered every 1s order 0 seed 0",
		"1m17.100065534s 192.0.2.7 -> udp/62201 otp on on wg0",
		"1m17.100065534s 192.0.2.7 -> udp/62201 otp ssh-2 -1m30s unanswered pass",
		"1m17.100065534s 192.0.2.7 -> udp/1-2 otp ssh +1h pass every 1s order 0 seed 0",
	}
	for i, e := range tr.Events {
		if got := show(&e); i < len(want) && got != want[i] {
			t.Errorf("line %d is read as %q, want %q", e.Span.Start.Line, got, want[i])
		}
	}
	if len(tr.Events) != len(want) {
		t.Errorf("%d events, want %d", len(tr.Events), len(want))
	}
}

// show writes all that an event says.
func show(e *trace.Event) string {
	if x := e.Expect; x != nil {
		state := string(x.State)
		if x.At != nil {
			state = fmt.Sprintf("at %d", x.At.Step)
		}
		return fmt.Sprintf("%v expect %s %s for %v", e.At, x.Knock, state, x.Src)
	}
	p := e.Packet
	text := fmt.Sprintf("%v %s -> %s", e.At, p.Source(), p.Destination())
	if p.On != nil {
		text += " on " + p.On.Text
	}
	if p.Unanswered != nil {
		text += " unanswered"
	}
	if p.Answered != nil {
		text += " answered"
	}
	if p.Want != "" {
		text += " " + string(p.Want)
	}
	if r := p.Range; r != nil {
		text += fmt.Sprintf(" every %v order %d seed %d", r.Every, r.Order, r.Seed)
	}
	return text
}

// TestFormat shows the canonical form of each input; formatting it again must
// change nothing.
func TestFormat(t *testing.T) {
	golden.Run(t, "testdata/format.txtar", func(t *testing.T, name string, src []byte) []byte {
		once, found := trace.Format(src)
		for _, f := range found {
			t.Error(f.Render(name, src))
		}
		if twice, _ := trace.Format(once); !bytes.Equal(once, twice) {
			t.Errorf("formatted again:\n%s", twice)
		}
		return once
	})
}

// TestFormatEmpty tells an empty trace, which stays one, from a faulty one.
func TestFormatEmpty(t *testing.T) {
	for _, src := range []string{"", "\ufeff", " \r\n\n"} {
		if got, found := trace.Format([]byte(src)); got == nil || len(got) > 0 || len(found) > 0 {
			t.Errorf("%q becomes %q, %v", src, got, found)
		}
	}
}

// TestFormatKeeps holds Format to traces that are in canonical form.
func TestFormatKeeps(t *testing.T) {
	for _, file := range []string{"testdata/sample.trace", "../../testdata/traces/ssh.trace"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, found := trace.Format(src)
		if diff := cmp.Diff(string(src), string(got)); diff != "" {
			t.Errorf("%s: %v -want +got:\n%s", file, found, diff)
		}
	}
}
