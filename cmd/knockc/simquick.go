package main

import (
	"fmt"
	"io"
	"os"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// asksForCounts reports whether no more is asked for than what became of the packets,
// as long as the trace expects nothing.
func (o *simOptions) asksForCounts() bool {
	return o.quiet && !o.cover && o.top == 0 && o.junit == nil && o.hz == 0
}

// count replays a trace in a regular file without holding it, however long it is. It
// is false, and has printed nothing, if the trace expects something or has errors.
func (r *simulation) count(name string) (counted bool, err error) {
	info, err := os.Stat(name)
	if name == stdio || err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, nil // to be told by who reads it whole
	}
	defer f.Close()
	begin := trace.NewReader(f)
	begin.Next() // behind the policy, if there is one
	if _, err := f.Seek(0, io.SeekStart); err != nil || lang.HasErrors(begin.Findings()) {
		return false, nil
	}
	policy, err := r.policies.of(name, &trace.Trace{Policy: begin.Policy()})
	if err != nil {
		return false, err
	}
	player, err := replay.New(policy.result)
	if err != nil {
		return false, err
	}
	reader, bar := trace.NewReader(f), r.progressBar(0)
	counts, err := player.Count(replay.FromTrace(reader), bar.steps)
	bar.stop()
	if err != nil || lang.HasErrors(reader.Findings()) {
		return false, nil // to be told by who reads it whole
	}
	if err := reader.Err(); err != nil {
		return false, fmt.Errorf("cannot read %s: %w", name, reason(err))
	}
	p := r.printer(name).(*tablePrinter)
	p.accepted, p.dropped, p.rejected = counts.Accepted, counts.Dropped, counts.Rejected
	p.end()
	return true, nil
}

// isCaptureFile reports whether a regular file is a capture.
func isCaptureFile(name string) bool {
	f := captureFile(name)
	if f != nil {
		f.Close()
	}
	return f != nil
}
