package session_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// texts are files in memory.
type texts map[string]string

func (f texts) open(name string) (io.ReadCloser, error) {
	text, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

var files = texts{
	"ssh.knock":    "knock ssh < 1001 1002 -> 22 >\n",
	"bad.knock":    "knock ssh < 0 -> 22 >\n",
	"good.trace":   "policy ssh.knock\n0s 192.0.2.7 -> 1001-1002 every 1s\n+0s expect ssh open for 192.0.2.7\n+0s 192.0.2.7 -> 22 => accept\n",
	"failed.trace": "policy ssh.knock\n0s expect ssh open for 192.0.2.7\n",
	"a.trace":      "policy bad.knock\n0s 192.0.2.7 -> 22\n",
	"b.trace":      "policy bad.knock\n0s 192.0.2.7 -> 22\n0s me -> 22\n",
}

// diary writes down what a reporter is told.
type diary []string

func (d *diary) write(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

func (d *diary) Begin(t *session.Trace)   { d.write("begin %s: %d", t.Name, t.Outcomes) }
func (d *diary) Outcome(o replay.Outcome) { d.write("%s, ok: %v", o.Got, o.OK()) }
func (d *diary) End(r *session.Result) {
	d.write("end %s: %d held, %d failed, passed: %v", r.Name, r.Held, r.Failed, r.Passed())
}
func (d *diary) Close(s *session.Summary) { d.write("close: %d passed, %d failed", s.Passed, s.Failed) }

// TestRun: a reporter is told of each trace in order, whatever becomes of the others.
func TestRun(t *testing.T) {
	var told diary
	names := []string{"none.trace", "good.trace", "failed.trace", "a.trace"}
	summary, err := session.Run(names, session.Options{Open: files.open}, &told)
	if err != nil {
		t.Fatal(err)
	}
	want := diary{
		"end none.trace: 0 held, 0 failed, passed: false",
		"begin good.trace: 4", "pass, ok: true", "pass, ok: true", "open, ok: true", "accept, ok: true",
		"end good.trace: 2 held, 0 failed, passed: true",
		"begin failed.trace: 1", "closed, ok: false", "end failed.trace: 0 held, 1 failed, passed: false",
		"end a.trace: 0 held, 0 failed, passed: false",
		"close: 1 passed, 3 failed",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	var faulty *lang.FileFindings
	if errs := summary.Errs; len(errs) != 2 || !errors.Is(errs[0], fs.ErrNotExist) || !errors.As(errs[1], &faulty) || faulty.File != "bad.knock" {
		t.Errorf("%q", errs)
	}
	if summary.OK() {
		t.Error("all is well")
	}
}

// lookahead counts the events of a trace when it begins, and once more in the middle.
type lookahead struct {
	trace    *session.Trace
	events   []int
	outcomes int
}

func (l *lookahead) Begin(t *session.Trace) {
	l.trace = t
	l.count()
}

func (l *lookahead) Outcome(replay.Outcome) {
	if l.outcomes++; l.outcomes == 2 {
		l.count()
	}
}

func (l *lookahead) End(*session.Result)    {}
func (l *lookahead) Close(*session.Summary) {}

func (l *lookahead) count() {
	n := 0
	for range l.trace.Events {
		n++
	}
	l.events = append(l.events, n)
}

// TestEvents: a reporter may look at all events of a trace at any time, which does not
// disturb the replay. The trace is longer than what is read at once.
func TestEvents(t *testing.T) {
	const packets = 30_000
	long := texts{"policy.knock": files["ssh.knock"], "long.trace": strings.Repeat("0s 192.0.2.7 -> 1001\n", packets)}
	var told lookahead
	summary, err := session.Run([]string{"long.trace"}, session.Options{Open: long.open}, &told)
	if err != nil {
		t.Fatal(err)
	}
	if !summary.OK() {
		t.Errorf("%q", summary.Errs)
	}
	if !slices.Equal(told.events, []int{packets, packets}) || told.outcomes != packets {
		t.Errorf("counted %v, and %d outcomes", told.events, told.outcomes)
	}
}

// TestRunFaults: the faults of a trace come with those of its policy, which are told once
// for all its traces.
func TestRunFaults(t *testing.T) {
	summary, err := session.Run([]string{"a.trace", "b.trace"}, session.Options{Open: files.open}, &diary{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, err := range summary.Errs {
		got = append(got, err.Error())
	}
	bad, me := "bad.knock:1:13: `0` is not a port: ports are 1 to 65535", "b.trace:3:4: `me` is not an IPv4 or IPv6 address"
	if want := []string{bad, me}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRunOnePolicy: without its policy no trace is replayed.
func TestRunOnePolicy(t *testing.T) {
	var told diary
	if _, err := session.Run([]string{"good.trace"}, session.Options{Open: files.open, Policy: "none.knock"}, &told); !errors.Is(err, fs.ErrNotExist) || len(told) > 0 {
		t.Errorf("%v; told %q", err, told)
	}
	if _, err := session.Run([]string{"failed.trace"}, session.Options{Open: files.open, Policy: "ssh.knock"}, &told); err != nil {
		t.Error(err)
	}
}

// endless is a text without an end, which counts how much of it was read.
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

// TestEndless: of a trace or a policy without an end only so much is read as it takes to
// see that it is faulty.
func TestEndless(t *testing.T) {
	for _, repeat := range []string{"\x00", "y\n", "knock a < 1 2 -> 3 >\n"} {
		for _, name := range []string{"endless.trace", "endless.knock"} {
			in := &endless{repeat: repeat}
			open := func(file string) (io.ReadCloser, error) {
				if file == name {
					return io.NopCloser(in), nil
				}
				return texts{"a.trace": "policy endless.knock\n0s 192.0.2.7 -> 22\n", "policy.knock": files["ssh.knock"]}.open(file)
			}
			trace := name
			if name == "endless.knock" {
				trace = "a.trace"
			}
			summary, err := session.Run([]string{trace}, session.Options{Open: open}, &diary{})
			if err != nil {
				t.Fatal(err)
			}
			var faulty *lang.FileFindings
			if !errors.As(errors.Join(summary.Errs...), &faulty) || faulty.File != name || len(faulty.Findings) > lang.MaxErrors+1 {
				t.Errorf("%s of many %q: %q", name, repeat, summary.Errs)
			}
			if in.read > lang.MaxPolicy+1 {
				t.Errorf("%s of many %q: %d bytes are read", name, repeat, in.read)
			}
		}
	}
}
