package main

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"knockc/lang/trace"
	"knockc/sim/replay"
)

// TestColor: verdicts and failures have colours on a terminal, and the columns stay
// where they are.
func TestColor(t *testing.T) {
	tr, _ := trace.Parse([]byte("0s 192.0.2.7 -> 22 => accept\n+0s 192.0.2.7 -> 1000\n"))
	show := func(color bool) string {
		var b strings.Builder
		out := bufio.NewWriter(&b)
		p := &tablePrinter{out: out, file: "a.trace", color: color}
		var w widths
		for i := range tr.Events {
			w.fit(&tr.Events[i])
		}
		p.begin(w)
		p.outcome(replay.Outcome{Event: &tr.Events[0], DstPort: 22, Got: "drop", Want: "accept", Why: "no grant"})
		p.outcome(replay.Outcome{
			Event: &tr.Events[1], DstPort: 1000, Got: "drop", Moves: []replay.Move{{Knock: "ssh", Kind: replay.Stepped, Step: 1, Of: 2}},
		})
		p.end()
		out.Flush()
		return b.String()
	}
	colored := show(true)
	for _, want := range []string{
		"-> 22    \x1b[31mdrop\x1b[0m\n",
		"-> 1000  \x1b[31mdrop  \x1b[0m  ssh 1/2\n",
		"a.trace:1: \x1b[1;31mFAIL\x1b[0m: wanted accept",
	} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in:\n%q", want, colored)
		}
	}
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[1;31m", "", "\x1b[0m", "").Replace(colored)
	if want := show(false); plain != want {
		t.Errorf("without its colours\n%s\nwant\n%s", plain, want)
	}
}

// TestProgressBar: it appears after a while only, moves on, and leaves nothing behind.
func TestProgressBar(t *testing.T) {
	var b strings.Builder
	now := time.Unix(0, 0)
	bar := newProgressBar(&b, func() time.Time { return now }, 4096)
	steps := func(n int) string {
		b.Reset()
		for range n {
			bar.step()
		}
		return b.String()
	}
	if got := steps(1024); got != "" {
		t.Errorf("at the beginning: %q", got)
	}
	now = now.Add(barAfter)
	if got, want := steps(1024), "\r["+strings.Repeat("=", 20)+strings.Repeat(" ", 20)+"]  50%"; got != want {
		t.Errorf("half way: %q, want %q", got, want)
	}
	if got := steps(1024); got != "" {
		t.Errorf("at once again: %q", got)
	}
	b.Reset()
	bar.stop()
	if got := b.String() + steps(1024); got != "\r\x1b[K" {
		t.Errorf("stopped: %q", got)
	}
	bar = nil
	bar.step()
	bar.stop()
}
