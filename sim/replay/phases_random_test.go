package replay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/replay"
)

// TestPhasesAreAll: what is said to be certain is so in phases taken at random, and
// with collections at times taken at random, also where sets are full.
func TestPhasesAreAll(t *testing.T) {
	const knocks = `
		knock a < 1000 2000 3000 -> 22 within 103ms total 250ms grant 1s >
		knock b < 1000 2000 -> 23 within 1s grant 203ms reset any >`
	certain, depends := 0, 0
	for seed := range uint64(72) {
		r := rand.New(rand.NewPCG(seed, 2))
		hz := []int{100, 250, 300, 1000}[seed%4]
		size, policy := []string{"", "size 2", "size 3"}[seed%3], knocks
		if hz == 1000 { // with faster collections more phases would differ than are tried
			policy = strings.ReplaceAll(policy, "reset any", "")
		}
		result, events := compileBoth(t, []byte(size+policy), []byte(hastyTrace(r)))
		p, err := replay.NewPhases(result, hz, events)
		if err != nil {
			t.Fatal(err)
		}
		says := outcomes(p, events)
		if tried, of := p.Tried(); tried != of {
			t.Fatalf("seed %d: %d of %d phases were tried", seed, tried, of)
		}
		for range 40 {
			c := sim.Clock{HZ: hz, Phase: r.Int64N(1_000_000_000)}
			if size != "" {
				c.Collect = time.Duration(r.Int64N(int64(time.Second)))
			}
			player, err := replay.NewTicking(result, c)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range outcomes(player, events) {
				if says[i].Got != replay.Depends && says[i].Got != got.Got {
					t.Fatalf("seed %d, %+v, line %d: %s, but is said to be %s", seed, c, i+1, got.Got, says[i].Got)
				}
				if m := moves(got.Moves); moves(says[i].Moves) != m && !strings.Contains(moves(says[i].Moves), "?") {
					t.Fatalf("seed %d, %+v, line %d: moves %s, but is said to move %s", seed, c, i+1, m, moves(says[i].Moves))
				}
			}
		}
		for _, o := range says {
			if o.Got == replay.Depends || strings.Contains(moves(o.Moves), "?") {
				depends++
			} else {
				certain++
			}
		}
	}
	if certain < 400 || depends < 50 {
		t.Errorf("%d certain, %d depend on the tick", certain, depends)
	}
}

type player interface {
	Event(e *trace.Event, see func(replay.Outcome))
}

func outcomes(p player, events []trace.Event) (all []replay.Outcome) {
	for i := range events {
		p.Event(&events[i], func(o replay.Outcome) { all = append(all, o) })
	}
	return all
}

// moves are in short what moved where; what depends on the tick is a question mark.
func moves(all []replay.Move) string {
	var b strings.Builder
	for _, m := range all {
		if m.Kind == replay.Uncertain {
			b.WriteByte('?')
		}
		fmt.Fprint(&b, m.Knock, m.Kind, m.Step, " ")
	}
	return b.String()
}

// hastyTrace is a trace of two sources that are often close to a deadline.
func hastyTrace(r *rand.Rand) string {
	var b strings.Builder
	next := []int{0, 0}
	for range 10 {
		gap := []int{0, 0, 0, 97_000, 99_000, 900_000}[r.IntN(6)] + r.IntN(4_000)
		who := r.IntN(2)
		fmt.Fprintf(&b, "+%dus ", gap)
		switch step := next[who] % 4; {
		case r.IntN(8) == 0:
			fmt.Fprintf(&b, "192.0.2.%d -> 80\n", 7+who)
			continue
		case step == 3:
			fmt.Fprintf(&b, "expect %s for 192.0.2.%d\n", []string{"a open", "a at 1", "b open"}[r.IntN(3)], 7+who)
		default:
			fmt.Fprintf(&b, "192.0.2.%d -> %d000\n", 7+who, step+1)
		}
		next[who]++
	}
	return b.String()
}

// TestOthersDoNotMatter: packets of others do not change what is said, whatever their
// places in a tick.
func TestOthersDoNotMatter(t *testing.T) {
	const text = "100us 192.0.2.7 -> 1000\n+8010us 192.0.2.7 -> 2000\n+0s expect ssh open for 192.0.2.7\n"
	for _, others := range []string{"", "+1s 198.51.100.1 -> 5000-5100 every 50us\n", "+1s 198.51.100.1 -> 5000-5700 every 1001us\n"} {
		result, events := compileBoth(t, []byte("knock ssh < 1000 2000 -> 22 within 12ms >"), []byte(text+others))
		p, err := replay.NewPhases(result, 250, events)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(p, events)[2].Got; got != replay.Depends {
			t.Errorf("with %q: %s", others, got)
		}
		if tried, of := p.Tried(); tried != of {
			t.Errorf("with %q: %d of %d phases were tried", others, tried, of)
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
		}{{2 * tick, "open"}, {tick + 1, "open"}, {tick - 1, replay.Depends}, {1, replay.Depends}, {0, "closed"}} {
			text := fmt.Sprintf("0s 192.0.2.7 -> 1000\n%dns expect ssh open for 192.0.2.7\n", 9*time.Hour-test.early)
			result, events := compileBoth(t, []byte("knock ssh < 1000 -> 22 grant 9h >"), []byte(text))
			p, err := replay.NewPhases(result, hz, events)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomes(p, events)[1].Got; got != test.want {
				t.Errorf("%d ticks a second, %v before the end: %s, want %s", hz, test.early, got, test.want)
			}
		}
	}
}
