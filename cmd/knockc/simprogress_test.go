package main

import (
	"strings"
	"testing"
	"time"
)

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
