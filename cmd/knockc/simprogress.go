package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// progressBar is a bar that shows on a terminal how far a long replay has got. It is
// nil, and shows nothing, where there is no one to look at it.
type progressBar struct {
	w           io.Writer
	now         func() time.Time
	begun, last time.Time // last: when it was drawn
	done, total int
	drawn       bool
	stopped     bool
}

// A bar appears when a replay has lasted for a while, and is then drawn again at some
// intervals.
const (
	barAfter = 500 * time.Millisecond
	barEvery = 100 * time.Millisecond
	barWidth = 40
)

// progress is a reporter that shows a bar for each trace, on standard error if that is a
// terminal, and standard output does not print rows to the same.
func (s *streams) progress(o *simOptions) session.Reporter {
	f, ok := s.err.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !isTerminal(f) {
		return &progress{}
	}
	rows := o.form.packets && len(o.States) == 0
	if rows && isTerminal(os.Stdout) {
		return &progress{}
	}
	return &progress{w: f}
}

// progress makes the bars; without w there are none.
type progress struct {
	w   io.Writer
	bar *progressBar
}

func (p *progress) Begin(t *session.Trace) {
	if p.w != nil {
		p.bar = newProgressBar(p.w, time.Now, t.Outcomes)
	}
}

func (p *progress) Outcome(o replay.Outcome) {
	p.bar.step()
	if !o.OK() {
		p.bar.stop() // it would be between the failures
	}
}

func (p *progress) End(*session.Result)    { p.bar.stop() }
func (p *progress) Close(*session.Summary) {}

func newProgressBar(w io.Writer, now func() time.Time, total int) *progressBar {
	return &progressBar{w: w, now: now, begun: now(), total: total}
}

// step counts an outcome. It looks at the clock now and then only.
func (b *progressBar) step() {
	if b == nil || b.stopped {
		return
	}
	if b.done++; b.done%1024 == 0 {
		b.draw()
	}
}

func (b *progressBar) draw() {
	now := b.now()
	if now.Sub(b.begun) < barAfter || now.Sub(b.last) < barEvery {
		return
	}
	b.last, b.drawn = now, true
	if b.total == 0 {
		fmt.Fprintf(b.w, "\r%d packets", b.done)
		return
	}
	full := barWidth * b.done / b.total
	fmt.Fprintf(b.w, "\r[%s%s] %3d%%", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*b.done/b.total)
}

// stop takes the bar away for good.
func (b *progressBar) stop() {
	if b == nil {
		return
	}
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
	b.drawn, b.stopped = false, true
}
