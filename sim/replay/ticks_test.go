package replay_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockc/sim/replay"
)

// TestDependsIsExplained: whatever depends on the tick, a deadline is named and what
// came less than a tick before it.
func TestDependsIsExplained(t *testing.T) {
	const policy = `
		knock a < 1000 2000 3000 -> 22 within 103ms total 150ms grant 101ms >
		knock b < 1000 ping/120 -> 23 within 50ms grant 203ms once reset any >
		knock c < 1001 2000 -> 24 22 within 60ms grant 300ms close 3000 1001 per /24 /64 >`
	form := regexp.MustCompile(`^(?:(?:close )?step \d's deadline|the deadline of .total.|the end of the grant) ([\d.]+)s and .* at ([\d.]+)s are within one tick of (.*): it depends`)
	explained := 0
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		result, events := compileBoth(t, []byte(policy), []byte(tightTrace(r)))
		p, err := replay.NewPhases(result, 100, events)
		if err != nil {
			t.Fatal(err)
		}
		p.Explain(askedBy(events))
		see := func(o replay.Outcome) {
			if o.Got != replay.Depends || o.Want == "" {
				return
			}
			m := form.FindStringSubmatch(o.Why)
			if m == nil || m[3] != "10ms" {
				t.Errorf("seed %d, line %d: %s", seed, o.Event.Span.Start.Line, o.Why)
				return
			}
			deadline, _ := strconv.ParseFloat(m[1], 64)
			at, _ := strconv.ParseFloat(m[2], 64)
			if ahead := deadline - at; ahead <= 0 || ahead >= 0.01 || at > o.At.Seconds()+1e-9 {
				t.Errorf("seed %d, line %d: %s", seed, o.Event.Span.Start.Line, o.Why)
			}
			explained++
		}
		for i := range events {
			p.Event(&events[i], see)
		}
	}
	if explained < 10 {
		t.Errorf("only %d outcomes depended on the tick", explained)
	}
}

// tightTrace is a trace of four sources that are often close to a deadline.
func tightTrace(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for range 500 {
		gap := []time.Duration{0, time.Millisecond, time.Duration(1+r.IntN(40_000)) * time.Microsecond, time.Duration(1+r.IntN(60)) * time.Millisecond}
		fmt.Fprintf(&b, "+%dus ", gap[r.IntN(len(gap))].Microseconds())
		src := pick("192.0.2.7", "192.0.2.8", "2001:db8::1", "198.51.100.1")
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "expect %s %s for %s\n", pick("a", "b", "c"), pick("open", "closed", "at 1", "at 0"), src)
			continue
		}
		if r.IntN(2) == 0 {
			src = "[" + src + "]:4000"
			if !strings.Contains(src, "::") {
				src = strings.NewReplacer("[", "", "]", "").Replace(src)
			}
		}
		to := pick("1000", "2000", "3000", "1001", "22", "23", "24", "ping/120", "99", "1000-1001 every 300us")
		fmt.Fprintf(&b, "%s -> %s %s\n", src, to, pick("", "=> drop", "=> accept"))
	}
	return b.String()
}

// TestPhasesMemory: what is held does not depend on how many packets a range has.
func TestPhasesMemory(t *testing.T) {
	result, events := compileBoth(t, []byte("knock ssh < 1000 2000 -> 22 >"),
		[]byte("0s 192.0.2.7 -> 1-20000 every 50us\n+0s expect ssh closed for 192.0.2.7\n"))
	p, err := replay.NewPhases(result, 1000, events)
	if err != nil {
		t.Fatal(err)
	}
	p.Explain(askedBy(events))
	before, packets := heap(), 0
	var grown int64
	p.Event(&events[0], func(replay.Outcome) {
		if packets++; packets == 20_000 {
			grown = heap() - before
		}
	})
	if grown > 20<<20 {
		t.Errorf("%d bytes are held for %d packets", grown, packets)
	}
}
