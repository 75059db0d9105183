//go:build linux

package live

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/codes"
)

// period is how long those of the tests are, in which times are told in minutes after noon.
const period = time.Minute

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func seriesOf(key string) series { return series{"ssh", key, period} }

// vault is a host with a table that has codes, a file of notes, and clocks.
type vault struct {
	real    time.Duration // since noon
	wall    time.Duration // what the clock shows, since noon
	mono    time.Duration // CLOCK_MONOTONIC, by which elements end
	boot    int
	booted  time.Duration // when, by the real time
	key     string
	ahead   time.Duration
	mark    *codeMark
	codes   map[int64]time.Duration // in the set, and when they end
	notes   codeNotes
	saved   *vault // a listing that someone has made
	spent   map[series]map[int64]bool
	twice   []string // codes that have opened twice
	lastErr error
}

func newVault() *vault {
	return &vault{key: "A", ahead: 10 * period, codes: map[int64]time.Duration{}, spent: map[series]map[int64]bool{}}
}

// at is what the clocks show.
func (v *vault) at() instant {
	wall := noon.Add(v.wall)
	return instant{wall, time.Duration(wall.UnixNano()) - v.mono, fmt.Sprint(v.boot)}
}

// passes lets time pass.
func (v *vault) passes(d time.Duration) {
	v.real, v.wall, v.mono = v.real+d, v.wall+d, v.mono+d
	maps.DeleteFunc(v.codes, func(_ int64, ends time.Duration) bool { return ends <= v.mono })
}

// sleeps is a suspend.
func (v *vault) sleeps(d time.Duration) { v.real, v.wall = v.real+d, v.wall+d }

// stock is what there is of a series.
func (v *vault) stock(s series) *stock {
	if v.mark == nil || v.mark.series != s {
		return nil
	}
	is := &stock{codeMark: *v.mark, has: func(n int64) bool { _, ok := v.codes[n]; return ok }}
	for n, ends := range v.codes {
		is.old = is.old || isOld(n, period, ends-v.mono, v.at())
	}
	return is
}

// noted writes the notes of what the table has.
func (v *vault) noted() {
	if v.mark != nil {
		n, _ := v.notes.of(v.mark.series)
		v.notes.put(n.at(v.at(), v.stock(v.mark.series)))
	}
}

// refills is what apply and refill do.
func (v *vault) refills() []int64 {
	s := seriesOf(v.key)
	if v.mark != nil && v.mark.series != s {
		v.noted()
	}
	p, err := plan(s, v.ahead, v.at(), v.stock(s), &v.notes)
	if v.lastErr = err; err != nil {
		return nil
	}
	v.notes.put(p.Note)
	if p.Flush {
		clear(v.codes)
	}
	for _, n := range p.Load {
		v.codes[n] = v.mono + codes.Ends(n, period).Sub(noon.Add(v.wall))
	}
	v.mark = &p.Mark
	v.notes.loaded(v.mark)
	return p.Load
}

// uses is a client that sends the code of a time, by the real clock and so much fast. It
// reports whether the code counts.
func (v *vault) uses(fast time.Duration) bool {
	return v.sends(codes.Period(noon.Add(v.real+fast), period))
}

func (v *vault) sends(n int64) bool {
	if _, ok := v.codes[n]; !ok {
		return false
	}
	delete(v.codes, n)
	s := v.mark.series
	if v.spent[s] == nil {
		v.spent[s] = map[int64]bool{}
	}
	if v.spent[s][n] {
		v.twice = append(v.twice, fmt.Sprintf("%d of %v", minute(n), s))
	}
	v.spent[s][n] = true
	return true
}

// replays is who has recorded everything and sends it again.
func (v *vault) replays() {
	if v.mark != nil {
		for n := range v.spent[v.mark.series] {
			v.sends(n)
		}
	}
}

func (v *vault) loses() { v.mark, v.codes = nil, map[int64]time.Duration{} }

func (v *vault) removes() { v.noted(); v.loses() }

// saves makes a listing, as `nft list ruleset`.
func (v *vault) saves() {
	v.saved = &vault{mark: v.mark, boot: v.boot, mono: v.mono, codes: maps.Clone(v.codes)}
}

// boots is after so long, with a clock that is off.
func (v *vault) boots(after, off time.Duration) {
	v.loses()
	v.real += after
	v.wall = v.real + off
	v.boot++
	v.mono = 0
	if v.saved != nil { // it is loaded again, with the time that was left
		v.mark = v.saved.mark
		for n, ends := range v.saved.codes {
			v.codes[n] = ends - v.saved.mono
		}
	}
}

// restores loads the listing again, if it was not made just now.
func (v *vault) restores() {
	if v.saved == nil || v.saved.boot != v.boot || v.mono-v.saved.mono <= outlives+2*tolerance {
		return
	}
	v.mark = v.saved.mark
	clear(v.codes)
	for n, ends := range v.saved.codes {
		v.codes[n] = ends - v.saved.mono + v.mono
	}
}

// minute is when a period begins, in minutes after noon.
func minute(n int64) int { return int(codes.Begins(n, period).Sub(noon) / time.Minute) }

func minutes(periods []int64) (all []int) {
	for _, n := range periods {
		all = append(all, minute(n))
	}
	return all
}

// from are the minutes from one up to and with another one, without some.
func from(first, last int, without ...int) (all []int) {
	for n := first; n <= last; n++ {
		if !slices.Contains(without, n) {
			all = append(all, n)
		}
	}
	return all
}

// TestSupply: which codes the last refill loads, and what was spent before it, in every way
// in which a table or a clock can be lost. The last refill is left to the test.
func TestSupply(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		name string
		does func(v *vault)
		want []int
	}{
		{"a new key begins at once", func(v *vault) { v.passes(30 * s) }, from(0, 10)},
		{"again at once", func(v *vault) { v.refills() }, nil},
		{"only the far end is added", func(v *vault) { v.refills(); v.uses(0); v.uses(2 * m); v.passes(3 * m) }, from(11, 13)},
		{"after the last code has ended", func(v *vault) { v.refills(); v.passes(h + 30*s) }, from(59, 70)},
		{"further ahead", func(v *vault) { v.refills(); v.ahead = 12 * m }, from(11, 12)},
		{"less far ahead", func(v *vault) { v.refills(); v.ahead = 5 * m; v.passes(2 * m) }, nil},

		{"lost: a fast client may have used the next one", func(v *vault) { v.refills(); v.uses(0); v.uses(m); v.loses() }, from(2, 10)},
		{"removed", func(v *vault) { v.refills(); v.uses(0); v.removes() }, from(2, 10)},
		{"lost later", func(v *vault) { v.refills(); v.passes(5 * m); v.loses() }, from(7, 15)},
		{"lost and lost again: what was left out stays out", func(v *vault) { v.refills(); v.passes(5 * m); v.loses(); v.refills(); v.loses() }, from(7, 15)},
		{"removed: it was noted what was spent", func(v *vault) { v.refills(); v.passes(5 * m); v.uses(2 * m); v.removes() }, from(8, 15)},
		{"spent early, noted by a refill, lost", func(v *vault) { v.refills(); v.uses(4 * m); v.refills(); v.loses() }, from(2, 10, 4)},
		{"spent early, and long past", func(v *vault) { v.refills(); v.uses(4 * m); v.passes(9 * m); v.removes() }, from(11, 19)},
		{"spent early beyond a shorter time ahead", func(v *vault) {
			v.refills()
			v.uses(9 * m)
			v.removes()
			v.ahead = 5 * m
			v.refills()
			v.ahead = 10 * m
		}, from(6, 10, 9)},

		{"boot with nothing", func(v *vault) { v.refills(); v.uses(0); v.boots(m/2, 0) }, from(2, 10)},
		{"boot with a listing that has spent codes", func(v *vault) {
			v.refills()
			v.saves()
			v.uses(0)
			v.uses(2 * m)
			v.noted()
			v.boots(m/2, 0)
		}, from(3, 10)},
		{"boot with a listing, the notes are gone", func(v *vault) { v.refills(); v.saves(); v.uses(0); v.notes = codeNotes{}; v.boots(m, 0) }, from(3, 11)},
		{"boot with a listing, long after", func(v *vault) { v.refills(); v.saves(); v.boots(h, 0) }, from(62, 70)},
		{"boot back before the note", func(v *vault) { v.refills(); v.passes(5 * m); v.refills(); v.boots(m, -4*m) }, from(7, 12)},
		{"boot far back, and the time of what was spent early comes", func(v *vault) {
			v.refills()
			v.passes(m / 5)
			v.uses(2 * m)
			v.noted()
			v.boots(0, -12*m)
			v.refills()
			v.passes(14 * m)
		}, from(3, 12)},
		{"boot with a clock of long ago", func(v *vault) { v.refills(); v.boots(m, -100*h) }, nil},
		{"boot with a clock of long ago, then mended", func(v *vault) { v.refills(); v.boots(m, -100*h); v.refills(); v.wall += 100 * h }, from(3, 11)},

		{"the clock goes back an hour", func(v *vault) { v.refills(); v.passes(5 * m); v.wall -= h }, nil},
		{"and forward again", func(v *vault) { v.refills(); v.passes(5 * m); v.wall -= h; v.refills(); v.wall += h }, from(7, 15)},
		{"back an hour, and that is over", func(v *vault) {
			v.refills()
			v.passes(5 * m)
			v.wall -= h
			v.refills()
			v.passes(h - 5*m)
		}, from(7, 10)},
		{"the clock goes forward an hour", func(v *vault) { v.refills(); v.passes(5 * m); v.wall += h }, from(67, 75)},
		{"a listing of before is loaded again", func(v *vault) { v.refills(); v.saves(); v.passes(5 * m); v.uses(0); v.restores() }, from(7, 15)},
		{"by less than a second", func(v *vault) { v.refills(); v.wall += s - 1; v.passes(m) }, from(11, 11)},
		{"many times by less than a second", func(v *vault) {
			v.refills()
			for range 100 {
				v.wall += s / 10
				v.refills()
			}
		}, nil},
		{"suspended", func(v *vault) { v.refills(); v.sleeps(5 * m) }, from(7, 15)},
		{"suspended, spent early before", func(v *vault) { v.refills(); v.uses(7 * m); v.sleeps(5 * m) }, from(8, 15)},

		{"another key begins at once", func(v *vault) { v.refills(); v.uses(0); v.key = "B" }, from(0, 10)},
		{"key A, B, A", func(v *vault) {
			v.refills()
			v.uses(0)
			v.uses(3 * m)
			v.key = "B"
			v.refills()
			v.key = "A"
		}, from(2, 10, 3)},
		{"key A, B, A, later", func(v *vault) {
			v.refills()
			v.uses(3 * m)
			v.key = "B"
			v.refills()
			v.passes(2 * m)
			v.key = "A"
		}, from(4, 12)},

		{"nobody can read the notes", func(v *vault) { v.refills(); v.loses(); v.notes = codeNotes{Lost: noon} }, from(2, 10)},
		{"nobody could read old notes", func(v *vault) { v.notes = codeNotes{Lost: noon.Add(-h)} }, from(2, 10)},
		{"nobody can read the notes, the table is there", func(v *vault) { v.refills(); v.notes = codeNotes{Lost: noon}; v.passes(m) }, from(11, 11)},
		{"the notes are gone, the table is there", func(v *vault) { v.refills(); v.notes = codeNotes{}; v.passes(m) }, from(11, 11)},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVault()
			c.does(v)
			if got := minutes(v.refills()); !slices.Equal(got, c.want) || v.lastErr != nil {
				t.Errorf("loads %v, want %v (%v)", got, c.want, v.lastErr)
			}
			if v.replays(); v.twice != nil {
				t.Errorf("opens twice: %v", v.twice)
			}
		})
	}
}

// TestSupplyKeyGone: what was spent of a series whose key is gone nobody can tell, so all
// that were loaded are left out.
func TestSupplyKeyGone(t *testing.T) {
	v := newVault()
	v.refills()
	gone := &stock{codeMark: *v.mark}
	n, _ := v.notes.of(v.mark.series)
	v.notes.put(n.at(v.at(), gone))
	v.loses()
	v.ahead = 15 * period
	if got, want := minutes(v.refills()), from(12, 15); !slices.Equal(got, want) {
		t.Errorf("loads %v, want %v", got, want)
	}
}

// TestSupplyPeriods: periods of another length have other numbers, and must not get those
// of codes that were spent.
func TestSupplyPeriods(t *testing.T) {
	at := instant{noon, time.Hour, "1"}
	s := series{"ssh", "A", time.Hour - time.Second}
	notes := &codeNotes{}
	p, err := plan(s, 7*24*time.Hour, at, nil, notes)
	if err != nil {
		t.Fatal(err)
	}
	notes.put(p.Note)
	at.Wall = at.Wall.Add(6 * 24 * time.Hour)
	var clash *PeriodError
	if _, err := plan(series{"ssh", "A", time.Hour}, 7*24*time.Hour, at, nil, notes); !errors.As(err, &clash) {
		t.Errorf("an hour after a second less: %v", err)
	}
	for _, other := range []series{{"ssh", "A", 30 * time.Second}, {"ssh", "B", time.Hour}, {"vpn", "A", time.Hour}} {
		if _, err := plan(other, 7*24*time.Hour, at, nil, notes); err != nil {
			t.Error(err)
		}
	}
}

// TestNeverTwice: whatever becomes of a host, no code opens twice, as long as clients are
// less than a period fast or what they spend is noted, and a host whose clock goes back in a
// boot has noted what was before. And once the clock is right, and not
// before what it has shown, the door opens again.
func TestNeverTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newVault()
		v.refills()
		highest := v.wall
		tick := func(d time.Duration) { v.passes(d); highest = max(highest, v.wall) }
		uses := func(fast time.Duration) {
			if v.uses(fast); v.real+fast-v.wall >= period {
				v.noted()
			}
		}
		durations := rapid.OneOf(rapid.Int64Range(0, 90), rapid.Int64Range(0, 900))
		draw := func(name string) time.Duration { return time.Duration(durations.Draw(t, name)) * time.Second }
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(*rapid.T) { tick(draw("for")) },
			"a client":    func(*rapid.T) { uses(0) },
			"fast client": func(*rapid.T) { uses(draw("fast")) },
			"slow client": func(*rapid.T) { uses(-draw("slow")) },
			"refill":      func(*rapid.T) { v.refills() },
			"lost":        func(*rapid.T) { v.loses(); v.refills() },
			"removed": func(*rapid.T) { // and a code was spent after the note
				v.noted()
				uses(time.Duration(rapid.IntRange(0, 59).Draw(t, "fast")) * time.Second)
				v.loses()
				tick(draw("for"))
				v.refills()
			},
			"saved":    func(*rapid.T) { v.saves() },
			"restored": func(*rapid.T) { v.restores(); v.refills() },
			"boot": func(*rapid.T) {
				after, off := draw("for"), -draw("back")
				if v.real+after+off < v.wall {
					v.noted()
				}
				v.boots(after, off)
				v.refills()
			},
			"clock set": func(*rapid.T) { v.wall += draw("forward") - draw("back"); v.refills() },
			"suspend":   func(*rapid.T) { v.sleeps(draw("for")); v.refills() },
			"key":       func(*rapid.T) { v.key = rapid.SampledFrom([]string{"A", "B"}).Draw(t, "key"); v.refills() },
			"":          func(*rapid.T) { highest = max(highest, v.wall); v.replays(); mustNotOpenTwice(t, v) },
		})
		v.wall = v.real
		v.refills()
		v.passes(max(0, highest-v.wall))
		v.refills()
		v.passes(3 * period)
		for range 20 { // some may have been spent early
			if v.uses(0) {
				mustNotOpenTwice(t, v)
				return
			}
			v.passes(period)
			v.refills()
		}
		t.Fatal("the door stays shut")
	})
}

func mustNotOpenTwice(t *rapid.T, v *vault) {
	if v.twice != nil {
		t.Fatalf("opens twice: %v", v.twice)
	}
}
