package replay_test

import (
	"runtime"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// TestMemoryOfLongTrace: what a replay holds depends on the sources that live at a
// time, not on how many packets and sources there have been.
func TestMemoryOfLongTrace(t *testing.T) {
	const packets = 2_000_000
	policy, _ := lang.Examine([]byte(seeded.Policy(100)))
	result, found := compiler.Compile(policy)
	if len(found) > 0 {
		t.Fatal(found)
	}
	player, err := replay.New(result)
	if err != nil {
		t.Fatal(err)
	}
	before, seen, highest, accepted := heap(), 0, int64(0), 0
	reader := trace.NewReader(seeded.FormTrace(seeded.Forms[0], 100, packets))
	for e := reader.Next(); e != nil; e = reader.Next() {
		player.Event(e, func(o replay.Outcome) {
			if seen++; seen%1_000_000 == 0 {
				highest = max(highest, heap()-before)
			}
			if o.Got.Verdict == trace.Accept {
				accepted++
			}
		})
	}
	if reader.Err() != nil || seen != packets || accepted == 0 {
		t.Errorf("%d packets, %d accepted, %v", seen, accepted, reader.Err())
	}
	t.Logf("%d packets, %.1f MB at most", packets, float64(highest)/1e6)
	if highest > 8<<20 {
		t.Errorf("up to %d bytes are in use during %d packets", highest, packets)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
