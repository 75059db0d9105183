// Package proportion tests that work grows in proportion to its input.
package proportion

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

const (
	more    = 8 // times as large is the second input
	most    = 4 // times as much it may take as the first one, done as often
	retries = 10
)

// Check fails the test unless work on 8n takes about as much memory and processor time as
// work on n done eight times. Quadratic work would take eight times as much. Both run in
// turn, several times if necessary, and the quickest run of each counts. The time is that
// of the work's own thread, so other work on the machine does not decide.
func Check(t *testing.T, name string, n int, work func(n int)) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // its work depends on the others'
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var often, once cost
	for try := range retries {
		often = quicker(often, measure(func() {
			for range more {
				work(n)
			}
		}), try)
		once = quicker(once, measure(func() { work(more * n) }), try)
		if once.time <= most*often.time && once.bytes <= most*often.bytes {
			return
		}
	}
	t.Errorf("%s: %v and %d bytes for %d, %v and %d bytes for %d times %d",
		name, once.time, once.bytes, more*n, often.time, often.bytes, more, n)
}

// cost is what work takes.
type cost struct {
	time  time.Duration
	bytes uint64 // allocated
}

func measure(work func()) cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := threadTime()
	work()
	took := threadTime() - start
	runtime.ReadMemStats(&after)
	return cost{took, after.TotalAlloc - before.TotalAlloc}
}

func quicker(a, b cost, try int) cost {
	if try == 0 || b.time < a.time {
		return b
	}
	return a
}
