//go:build linux

package live

import (
	"fmt"
	"slices"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
)

// A one-time code opens a door once: the rule that accepts it takes it out of the set. So the
// only way in which a code could open a second time is to load it a second time. This file
// decides which codes are loaded. Nothing else in knockc puts a code into the kernel.
//
// A code is loaded only if one of these is sure:
//
//  1. It has never been in this table, and was not spent early in one before it. The table
//     says up to which period codes were loaded, in the transaction that loads them. As long
//     as what it says holds, only periods after that are added, so what was spent stays
//     spent. It does not hold in another boot, which can begin with a table that someone has
//     saved, nor after the clock was set or the host has slept: the kernel ends elements by
//     a clock that nobody sets and that sleeps too. Nor does it hold after a listing of
//     some time ago was loaded: then codes are to end later than they should, or the notes
//     tell of another mark.
//  2. It is from after the latest moment at which codes of its series could be spent, and it
//     was not spent early, by a client whose clock is fast. The notes say both, on a disk, so
//     that they outlive the table. They are written before codes are loaded, whenever
//     codes are refilled, and when a table is removed. The next period is left out too: its
//     code may be spent after that, before the others are loaded, or by a client whose clock
//     is a little fast. If loading takes so long that the first of the others could be
//     spent before it is done, it is planned again.
//  3. Nobody has ever used its key with this knock. Then neither the table nor the notes know
//     of the series.
//
// Where this cannot be decided, the code is left out: the door stays shut until a later
// period. What is left is a code that was spent after the last note, if the table is then
// lost, and the client was more than a period fast, or the host boots with a clock of before
// that. So is one that was spent between the moment at which a listing was made and that at
// which it was loaded, if these are less than [outlives] apart. Snapshots of virtual
// machines bring back notes and table alike: nothing helps.

// series are the codes of a knock. Another name, key or length of periods makes others.
type series struct {
	Knock  string
	Key    string // what tells it from others, see [codes.Key.ID]
	Period time.Duration
}

// instant is what the clocks of the host show.
type instant struct {
	Wall   time.Time
	Offset time.Duration // Wall, as Unix time, minus CLOCK_MONOTONIC
	Boot   string        // which boot this is
}

// span is the periods from First on that are before Next.
type span struct{ First, Next int64 }

func (s span) overlaps(other span) bool { return s.First < other.Next && other.First < s.Next }

// codeMark is what a table says of the codes that were loaded into it.
type codeMark struct {
	series
	span                 // all periods but those left out
	Ahead  time.Duration // how far ahead they are loaded
	Offset time.Duration // when the first of them was loaded
	Boot   string
}

// tolerance is how far a clock may be off before the elements' times are wrong. What NTP
// does slowly it does to CLOCK_MONOTONIC too.
const tolerance = time.Second

// holds reports whether all that was not spent since the mark was made is still in the set,
// and ends when it should.
func (m *codeMark) holds(at instant) bool {
	return m.Boot == at.Boot && (m.Offset-at.Offset).Abs() <= tolerance
}

// stock is what a table has of a knock's codes.
type stock struct {
	codeMark

	// has reports whether the code of a period is there. It is nil if nobody can tell, since
	// the key is gone.
	has func(period int64) bool

	old bool // codes are to end later than they should, as those of a listing and after suspend
}

// holds reports whether what the mark says is true of the set.
func (s *stock) holds(at instant) bool { return !s.old && s.codeMark.holds(at) }

// outlives is how much longer than it should a code may be in the set: loading many takes
// seconds. One that lives longer was taken from a listing, with the time that it had left then.
const outlives = 30 * time.Second

// isOld reports whether a code that has some time left is from a listing.
func isOld(period int64, length, left time.Duration, at instant) bool {
	return left > codes.Ends(period, length).Sub(at.Wall)+outlives
}

// codeNote is what is remembered of a series whatever becomes of the table.
type codeNote struct {
	series
	span           // all periods that were ever loaded are in it
	Seen time.Time // codes of periods that begin until then may have been spent
	Left []int64   // out: later periods that may have been spent too, in order
	Mark string    // that was written last, as the table has it
}

// codeNotes are those of all series of the host.
type codeNotes struct {
	All []codeNote

	// Lost is zero, or when notes were written last that nobody can read any more: series
	// that are not in All may have been in use until then.
	Lost time.Time

	Loaded    map[string]sources // by the place of the policy
	elsewhere []loadedOnDisk     // in other network namespaces
	Damage    error              // why the notes that there were cannot be read
}

func (n *codeNotes) find(s series) (found codeNote, known bool) {
	for _, note := range n.All {
		if note.series == s {
			return note, true
		}
	}
	return codeNote{series: s}, false
}

func (n *codeNotes) of(s series) (found codeNote, known bool) {
	found, known = n.find(s)
	if !known && !n.Lost.IsZero() {
		found.Seen, known = n.Lost, true
	}
	return found, known
}

// agree reports whether the table's mark is the one that was written last, as far as is noted.
func (n *codeNotes) agree(is *stock) bool {
	note, known := n.find(is.series)
	return !known || note.Mark == is.comment()
}

// loaded notes the mark that a table has now.
func (n *codeNotes) loaded(m *codeMark) {
	note, _ := n.find(m.series)
	note.Mark = m.comment()
	n.put(note)
}

// put puts a note in place of the one before, if there is one.
func (n *codeNotes) put(note codeNote) {
	n.All = append(slices.DeleteFunc(n.All, func(old codeNote) bool { return old.series == note.series }), note)
}

// supply is what is to be done to the set of a knock's codes.
type supply struct {
	Flush bool     // all codes go first; no packet sees the set between
	Load  []int64  // the periods whose codes are loaded
	Mark  codeMark // for the table, in the same transaction
	Note  codeNote // must be on the disk before that

	Before time.Time // when the first code could be used; zero if that is no matter
}

// starts is when the first period begins of which there is a code.
func (s *supply) starts() time.Time { return codes.Begins(s.Mark.First, s.Mark.Period) }

// plan decides which codes of a series are loaded, so far ahead. The table has some of the
// series already, or none (nil).
func plan(s series, ahead time.Duration, at instant, is *stock, notes *codeNotes) (supply, error) {
	before, known := notes.of(s)
	p := supply{Note: before.at(at, is)}
	next := codes.Period(at.Wall.Add(ahead), s.Period) + 1
	switch {
	case is != nil && is.holds(at) && notes.agree(is):
		p.Mark = is.codeMark
		lives := codes.Period(at.Wall, s.Period) - 1 // the first that has not ended
		p.add(max(is.Next, lives), next)
	case is == nil && !known:
		p.begin(s, at, codes.Period(at.Wall, s.Period), next)
	default:
		doubtful := codes.Period(p.Note.Seen, s.Period) + 1 // its code may be spent before the others are loaded
		p.Note.leaveOut(doubtful)
		p.begin(s, at, doubtful+1, next)
		p.Before = codes.Begins(doubtful+1, s.Period)
	}
	p.Mark.Ahead = ahead
	return p, p.clash(notes)
}

// begin loads codes afresh.
func (p *supply) begin(s series, at instant, first, next int64) {
	p.Flush = true
	p.Mark = codeMark{series: s, span: span{first, first}, Offset: at.Offset, Boot: at.Boot}
	p.add(first, next)
}

// add loads the codes of some periods that have never been in the set.
func (p *supply) add(first, next int64) {
	for n := first; n < next; n++ {
		if _, out := slices.BinarySearch(p.Note.Left, n); !out {
			p.Load = append(p.Load, n)
		}
	}
	p.Mark.Next = max(p.Mark.Next, next)
	if p.Note.span == (span{}) {
		p.Note.span = p.Mark.span
	}
	p.Note.First, p.Note.Next = min(p.Note.First, p.Mark.First), max(p.Note.Next, p.Mark.Next)
}

// clash is an error if the key has ever given a code of these numbers to periods of another
// length, which were at another time: they may have been spent then.
func (p *supply) clash(notes *codeNotes) error {
	is := p.Mark.series
	for _, n := range notes.All {
		if n.Knock == is.Knock && n.Key == is.Key && n.Period != is.Period && n.span.overlaps(p.Mark.span) {
			return &PeriodError{Knock: is.Knock, Period: is.Period, Before: n.Period}
		}
	}
	return nil
}

// PeriodError says that a key would give the same codes again, since its periods had another
// length before.
type PeriodError struct {
	Knock          string
	Period, Before time.Duration
}

func (e *PeriodError) Error() string {
	return fmt.Sprintf("with `period %s`, the key of knock `%s` would give codes again that it gave with `period %s`: make a new key",
		lang.FormatDuration(e.Period), e.Knock, lang.FormatDuration(e.Before))
}

// at is the note as it has to be now, given what the table has.
func (n codeNote) at(at instant, is *stock) codeNote {
	n.Left = slices.Clone(n.Left)
	n.see(at.Wall)
	if is != nil && is.Boot == at.Boot { // by the clock before it was set
		n.see(at.Wall.Add(is.Offset - at.Offset))
	}
	if is != nil && is.has == nil && is.Next > is.First {
		n.see(codes.Begins(is.Next-1, n.Period))
	}
	seen := codes.Period(n.Seen, n.Period)
	n.Left = slices.DeleteFunc(n.Left, func(period int64) bool { return period < seen-1 }) // its code has ended
	if is != nil && is.has != nil {
		for period := max(is.First, seen+1); period < is.Next; period++ {
			if !is.has(period) {
				n.Left = append(n.Left, period)
			}
		}
	}
	n.leaveOut()
	return n
}

func (n *codeNote) leaveOut(periods ...int64) {
	n.Left = append(n.Left, periods...)
	slices.Sort(n.Left)
	n.Left = slices.Compact(n.Left)
}

func (n *codeNote) see(moment time.Time) {
	if moment.After(n.Seen) {
		n.Seen = moment
	}
}
