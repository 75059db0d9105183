package replay_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// anyPhase is a player with a clock whose phase nobody knows.
func anyPhase(t *testing.T, result *compiler.Result, hz int) *replay.Player {
	t.Helper()
	p, err := replay.NewTicking(result, sim.Clock{HZ: hz, Unknown: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func outcomes(p *replay.Player, events []trace.Event) (all []replay.Outcome) {
	for i := range events {
		p.Event(&events[i], func(o replay.Outcome) { all = append(all, o) })
	}
	return all
}

// TestDeadlines: less than a tick before a deadline it is not certain whether it has
// passed. A timeout is a number of whole ticks.
func TestDeadlines(t *testing.T) {
	for _, test := range []struct {
		hz        int
		gap, want string
	}{
		{250, "95ms", "open"},
		{250, "96ms", "open"}, // at most 24 ticks
		{250, "96.001ms", replay.DependsOnTick},
		{250, "97ms", replay.DependsOnTick},
		{250, "99.999ms", replay.DependsOnTick},
		{250, "100ms", "closed"}, // at least 25 ticks
		{250, "103ms", "closed"},
		{1000, "102ms", "open"},
		{1000, "102.5ms", replay.DependsOnTick},
		{1000, "103ms", "closed"},
		{300, "96666666ns", "open"}, // a tick is no whole number of nanoseconds
		{300, "96666667ns", replay.DependsOnTick},
		{300, "99999999ns", replay.DependsOnTick},
		{300, "100ms", "closed"},
		{100, "90ms", "open"},
		{100, "99ms", replay.DependsOnTick},
		{100, "100ms", "closed"},
	} {
		text := fmt.Sprintf("0s 192.0.2.7 -> 1000\n+%s 192.0.2.7 -> 2000\n+0s expect ssh open for 192.0.2.7\n", test.gap)
		result, events := compileBoth(t, []byte("knock ssh < 1000 2000 -> 22 within 103ms grant 1s >"), []byte(text))
		if got := outcomes(anyPhase(t, result, test.hz), events)[2].Got.String(); got != test.want {
			t.Errorf("%d ticks a second, step 2 after %s: %s, want %s", test.hz, test.gap, got, test.want)
		}
	}
}

// TestLongGrant: after hours, too, a deadline is right at any rate.
func TestLongGrant(t *testing.T) {
	for _, hz := range []int{100, 250, 300, 1000} {
		tick := time.Second / time.Duration(hz)
		for _, test := range []struct {
			early time.Duration
			want  string
		}{{2 * tick, "open"}, {tick + 1, "open"}, {tick - 1, replay.DependsOnTick}, {1, replay.DependsOnTick}, {0, "closed"}} {
			text := fmt.Sprintf("0s 192.0.2.7 -> 1000\n%dns expect ssh open for 192.0.2.7\n", 9*time.Hour-test.early)
			result, events := compileBoth(t, []byte("knock ssh < 1000 -> 22 grant 9h >"), []byte(text))
			if got := outcomes(anyPhase(t, result, hz), events)[1].Got.String(); got != test.want {
				t.Errorf("%d ticks a second, %v before the end: %s, want %s", hz, test.early, got, test.want)
			}
		}
	}
}

// TestSettled: what depended on the tick is certain again once it comes to the same. The
// trace begins with a last step that may have been too late.
func TestSettled(t *testing.T) {
	const policy = `
		knock ssh < 1000 2000 -> 22 within 100ms grant 10s close 3000 >
		knock once < 1001 2001 -> 23 within 100ms grant 10s once >
		knock dns < 1002 2002 -> udp/53 within 100ms grant 10s >`
	const late = "0s 192.0.2.7 -> 1000-1002 every 0s\n98ms 192.0.2.7 -> 2000-2002 every 0s\n"
	for _, test := range []struct{ trace, want string }{
		{"1s expect ssh open for 192.0.2.7", replay.DependsOnTick},
		{"1s expect ssh open for 192.0.2.8", "closed"},
		{"10.098s expect ssh open for 192.0.2.7", "closed"},                  // the grant has ended, if there was one
		{"1s 192.0.2.7 -> 3000\n1s expect ssh open for 192.0.2.7", "closed"}, // the same
		{"1s 192.0.2.7 -> 1000\n1s 192.0.2.7 -> 2000\n1s expect ssh open for 192.0.2.7", "open"},
		{"1s 192.0.2.7 -> 23", replay.DependsOnTick},
		{"1s 192.0.2.7 -> 23\n1s 192.0.2.7 -> 23", "drop"}, // it was used up, if there was one
		{"1s 192.0.2.7 -> 22", replay.DependsOnTick},
		{"1s 192.0.2.7:5 -> 22\n2s 192.0.2.7:5 -> 22 ack", replay.DependsOnTick}, // the flow may be established
		{"1s 192.0.2.7:5 -> 22\n2s 192.0.2.7:6 -> 22 ack", "drop"},
		{"1s 192.0.2.7:5 -> 22\n20s 192.0.2.7 -> 1000\n20s 192.0.2.7 -> 2000\n20s 192.0.2.7:5 -> 22\n40s 192.0.2.7:5 -> 22 ack", "accept"},
		{"1s 192.0.2.7:5 -> udp/53\n20s 192.0.2.7:5 -> udp/53", replay.DependsOnTick},
		{"1s 192.0.2.7:5 -> udp/53\n31s 192.0.2.7:5 -> udp/53", "drop"}, // the flow has ended, if there was one
	} {
		result, events := compileBoth(t, []byte(policy), []byte(late+test.trace+"\n"))
		all := outcomes(anyPhase(t, result, 250), events)
		if got := all[len(all)-1].Got.String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.trace, got, test.want)
		}
	}
}

// TestStream: whether a flow of datagrams has lasted for more than two seconds may depend
// on the tick, and thus how long it lasts.
func TestStream(t *testing.T) {
	for again, want := range map[string]string{"2s": "drop", "2.002s": replay.DependsOnTick, "2.004s": "accept"} {
		text := fmt.Sprintf("0s 192.0.2.7 -> 1000\n0s 192.0.2.7:5 -> udp/53\n%s 192.0.2.7:5 -> udp/53\n62s 192.0.2.7:5 -> udp/53\n", again)
		result, events := compileBoth(t, []byte("knock dns < 1000 -> udp/53 >"), []byte(text))
		if got := outcomes(anyPhase(t, result, 250), events)[3].Got.String(); got != want {
			t.Errorf("again after %s, and after a minute: %s, want %s", again, got, want)
		}
	}
}

// TestRoom: it depends on the tick whether there is room in a set that may be full, but
// not in one that living elements fill.
func TestRoom(t *testing.T) {
	for at, want := range map[string]string{
		"1.8s": "closed",
		"2s":   replay.DependsOnTick, // the place is free after a collection
		"2.8s": replay.DependsOnTick,
		"3s":   "open",
	} {
		result, events := compileBoth(t, []byte("size 1\nknock ssh < 1000 2000 -> 22 within 1500ms >"), []byte(
			"0.4s 192.0.2.7 -> 1000\n"+at+" 192.0.2.8 -> 1000\n+0s 192.0.2.8 -> 2000\n+0s expect ssh open for 192.0.2.8\n"))
		if got := outcomes(anyPhase(t, result, 250), events)[3].Got.String(); got != want {
			t.Errorf("knocking at %s: %s, want %s", at, got, want)
		}
	}
}

// TestTooManyWays: if a packet may do too many different things, all that comes after it
// depends on the tick, and it is said why.
func TestTooManyWays(t *testing.T) {
	policy := ""
	for i := range 13 {
		policy += fmt.Sprintf("knock k%d < 1000 2000 3000 4000 -> %d within 100ms >\n", i, 22+i)
	}
	result, events := compileBoth(t, []byte(policy), []byte(`
		0s     192.0.2.7 -> 1000
		+98ms  192.0.2.7 -> 2000
		+0s    192.0.2.8 -> 22 => drop
		+0s    192.0.2.7 -> 3000
		+1s    192.0.2.8 -> 22 => drop
		+0s    expect k0 at 0 for 192.0.2.8
		+0s    expect k0 closed for 192.0.2.8
	`))
	p := anyPhase(t, result, 250)
	p.Explain(askedBy(events))
	all := outcomes(p, events)
	for i, want := range map[int]string{2: "drop", 4: replay.DependsOnTick, 5: replay.DependsOnTick, 6: replay.DependsOnTick} {
		if all[i].Got.String() != want {
			t.Errorf("event %d: %s, want %s", i+1, all[i].Got, want)
		}
	}
	if want := "too much depended on the tick when 192.0.2.7 -> 3000 came at 0.098s, so all that comes after it does"; all[4].Why != want {
		t.Errorf("why: %s, want %s", all[4].Why, want)
	}
}

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
		p := anyPhase(t, result, 100)
		p.Explain(askedBy(events))
		see := func(o replay.Outcome) {
			if !o.Got.Depends || !o.Wanted() {
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
