//go:build linux

package live

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
)

// Codes are the one-time codes of a knock, and where their key is.
type Codes struct {
	Knock         string
	File          string // of the key, an absolute path
	Period, Ahead time.Duration
}

// sources are the codes of a policy that is loaded.
type sources struct {
	Policy string // its hash
	Codes  []Codes
}

// Supplied is what was done to the codes of a knock.
type Supplied struct {
	Knock  string
	Afresh bool      // those that there were are gone, except from the notes
	Added  int       // how many codes were loaded
	Begins time.Time // the first period of which there is a code
	Ends   time.Time // the last
	Now    time.Time // of all this
	Gone   int       // how many of the periods to come were left out, since they may have been spent
	Ahead  int       // how many periods to come there are
	Damage error     // why the notes that there were could not be read
}

// Refill loads one-time codes for a policy that is loaded: of each knock those at the far
// end, or all afresh if that is not safe (see supply.go). Without codes it takes those with
// which the policy was loaded; that is an [UnknownCodesError] if it was not by apply. With
// codes the policy must be the one with that hash.
func (h *Host) Refill(at Location, all []Codes, policy string) (s []Supplied, err error) {
	err = h.changePolicy(at, func(t *Table) error {
		if all == nil {
			notes, err := h.codes.Read()
			if err != nil {
				return err
			}
			known, ok := notes.Loaded[at.String()]
			if !ok || known.Policy != t.Policy {
				return &UnknownCodesError{at}
			}
			all = known.Codes
		} else if policy != t.Policy {
			return &OtherPolicyError{at}
		}
		s, err = h.supply(at, t, sources{t.Policy, all}, func(c *codeChange) error { return h.tables.LoadCodes(at, c) })
		return err
	})
	return s, err
}

// UnknownCodesError says that nobody has noted what codes a policy needs.
type UnknownCodesError struct{ Location }

func (e *UnknownCodesError) Error() string {
	return fmt.Sprintf("nobody has noted where the keys are of what is loaded in %s", e.Location)
}

// OtherPolicyError says that another policy is loaded than the one that is meant.
type OtherPolicyError struct{ Location }

func (e *OtherPolicyError) Error() string { return fmt.Sprintf("%s has another policy", e.Location) }

// sourcesOf are the codes that were loaded with the policy in a table; none if nobody has
// noted it.
func (h *Host) sourcesOf(table, policy string) (sources, error) {
	notes, err := h.codes.Read()
	if err != nil {
		return sources{}, err
	}
	if of := notes.Loaded[Location{Table: table}.String()]; of.Policy == policy {
		return of, nil
	}
	return sources{Policy: policy}, nil
}

// instant is what the clocks show.
func (h *Host) instant() (instant, error) {
	boot, err := h.boot()
	wall := h.clock.Wall()
	return instant{wall, time.Duration(wall.UnixNano()) - h.clock.Now(), boot}, err
}

// supply loads codes into a table, which is nil if there is none yet, in the transaction of
// load. If it fails nothing is loaded. What it needs to know of the codes is on the disk
// before that, under a lock that lasts until all is done. Policies without codes need no disk.
func (h *Host) supply(at Location, t *Table, of sources, load func(*codeChange) error) ([]Supplied, error) {
	if len(of.Codes) == 0 && !t.hasCodes() {
		return nil, load(nil)
	}
	unlock, err := h.codes.Lock(longPatience)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var s *supplying
	var told []Supplied
	for lead := time.Duration(0); ; {
		begin := h.clock.Now()
		if s, told, err = h.planSupply(at, t, of, lead); err != nil {
			return nil, err
		}
		if err = load(&s.change); err == nil {
			break
		}
		if !errors.Is(err, errLate) || lead > time.Hour {
			return nil, err
		}
		lead = 2*(h.clock.Now()-begin) + time.Second
	}
	s.notes.Loaded[at.String()] = of
	for _, c := range s.change.sets {
		if c.mark != nil {
			s.notes.loaded(c.mark)
		}
	}
	_ = h.codes.Write(s.notes) // without this, all are loaded afresh, and refill must be told the policy
	return told, nil
}

// planSupply plans what becomes of the codes of a table, as of so much later, and notes what
// must be noted before.
func (h *Host) planSupply(at Location, t *Table, of sources, lead time.Duration) (s *supplying, told []Supplied, err error) {
	if s, err = h.beginSupply(at, t); err != nil {
		return nil, nil, err
	}
	s.at.Wall = s.at.Wall.Add(lead)
	for _, c := range of.Codes {
		done, err := s.knock(c)
		if err != nil {
			return nil, nil, err
		}
		told = append(told, done)
	}
	s.leave()
	if err := h.codes.Write(s.notes); err != nil {
		return nil, nil, fmt.Errorf("cannot note which one-time codes are loaded, so nothing is: %w", err)
	}
	return s, told, nil
}

// supplying is one change of the codes of a table.
type supplying struct {
	at     instant
	notes  *codeNotes
	before sources // with which codes were loaded
	held   map[string]held
	change codeChange
}

func (h *Host) beginSupply(at Location, t *Table) (s *supplying, err error) {
	s = &supplying{held: map[string]held{}}
	if s.notes, err = h.codes.Read(); err != nil {
		return nil, err
	}
	if s.notes.Loaded == nil {
		s.notes.Loaded = map[string]sources{}
	}
	s.before = s.notes.Loaded[at.String()]
	if s.at, err = h.instant(); err != nil {
		return nil, err
	}
	if t != nil {
		s.held, err = h.tables.Codes(t)
	}
	return s, err
}

// knock plans what becomes of the codes of a knock.
func (s *supplying) knock(c Codes) (done Supplied, err error) {
	key, err := codes.ReadKey(c.File)
	if err != nil {
		return done, fmt.Errorf("the key of knock `%s`: %w", c.Knock, err)
	}
	of := series{c.Knock, key.ID(), c.Period}
	has := s.held[c.Knock]
	var is *stock
	if has.mark != nil && has.mark.series == of {
		is = &stock{*has.mark, has.of(key), has.isOld(key, s.at)}
	}
	p, err := plan(of, c.Ahead, s.at, is, s.notes)
	if err != nil {
		return done, err
	}
	s.notes.put(p.Note)
	s.change.sets = append(s.change.sets, codeSet{c.Knock, p.Flush, has.marked, &p.Mark, p.Load, key, p.Before})
	next := codes.Period(s.at.Wall, c.Period) + 1
	return Supplied{
		Knock: c.Knock, Afresh: p.Flush, Added: len(p.Load),
		Begins: codes.Begins(p.Mark.First, c.Period), Ends: codes.Begins(p.Mark.Next, c.Period),
		Now: s.at.Wall, Damage: s.notes.Damage,
		Gone: len(p.Note.Left), Ahead: int(max(0, p.Mark.Next-next)),
	}, nil
}

// of reports which codes of a key there are.
func (is held) of(key codes.Key) func(period int64) bool {
	mac := key.Series(is.mark.Knock)
	return func(period int64) bool {
		_, there := is.codes[mac(period).Code()]
		return there
	}
}

// isOld reports whether the codes of a key are from a listing that was loaded again.
func (is held) isOld(key codes.Key, at instant) bool {
	mac := key.Series(is.mark.Knock)
	for n := max(is.mark.First, codes.Period(at.Wall, is.mark.Period)-1); n < is.mark.Next; n++ {
		if left, there := is.codes[mac(n).Code()]; there && isOld(n, is.mark.Period, left, at) {
			return true
		}
	}
	return false
}

// leave notes what was spent of the series that the table has and that are not to stay, and
// takes their codes and marks out.
func (s *supplying) leave() {
	for knock, is := range s.held {
		stay := slices.ContainsFunc(s.change.sets, func(c codeSet) bool { return c.knock == knock })
		if !stay {
			s.change.sets = append(s.change.sets, codeSet{knock: knock, flush: true, marked: is.marked})
		}
		if is.mark == nil || stay && s.stays(is.mark.series) {
			continue
		}
		n, _ := s.notes.of(is.mark.series)
		s.notes.put(n.at(s.at, &stock{codeMark: *is.mark, has: s.hasOld(is)}))
	}
}

func (s *supplying) stays(of series) bool {
	return slices.ContainsFunc(s.change.sets, func(c codeSet) bool { return c.mark != nil && c.mark.series == of })
}

// hasOld is [held.of] for the key that a knock had, nil if that is gone.
func (s *supplying) hasOld(is held) func(period int64) bool {
	for _, c := range s.before.Codes {
		if c.Knock != is.mark.Knock {
			continue
		}
		if key, err := codes.ReadKey(c.File); err == nil && key.ID() == is.mark.Key {
			return is.of(key)
		}
	}
	return nil
}

// takeOut notes which codes of a table were spent, and then has them taken. The error of the
// notes does not keep them from being taken, as others could.
func (h *Host) takeOut(at Location, t *Table, take func() error) (unnoted, err error) {
	if !t.hasCodes() {
		return nil, take()
	}
	unlock, err := h.codes.Lock(longPatience)
	if err == nil {
		defer unlock()
		err = h.noteSpent(at, t)
	}
	if err != nil {
		unnoted = fmt.Errorf("%w: %w", errUnnoted, err)
	}
	return unnoted, take()
}

// noteSpent notes which codes of a table were spent.
func (h *Host) noteSpent(at Location, t *Table) error {
	s, err := h.beginSupply(at, t)
	if err != nil {
		return err
	}
	s.leave()
	return h.codes.Write(s.notes)
}

var errUnnoted = errors.New("cannot note which one-time codes were used")

// withoutSupply is what becomes of the codes of a table if none are to be loaded: they stay
// if they were loaded for the same policy in this boot.
func (h *Host) withoutSupply(t *Table, r *compiler.Ruleset) (*codeChange, error) {
	if !t.hasCodes() {
		return nil, nil
	}
	boot, err := h.boot()
	if err != nil {
		return nil, err
	}
	marks, err := h.tables.Marks(t)
	if err != nil {
		return nil, err
	}
	c := &codeChange{}
	for knock, mark := range marks {
		if mark == nil || mark.Boot != boot || t.Policy != policyOf(r) {
			c.sets = append(c.sets, codeSet{knock: knock, flush: true, marked: t.set(markSet(compiler.CodesSet(knock))) != nil})
		}
	}
	return c, nil
}

// hasCodes reports whether there are sets of codes in a table, which may be nil.
func (t *Table) hasCodes() bool {
	if t == nil {
		return false
	}
	for _, s := range t.sets {
		if _, ok := compiler.KnockOfCodes(t.own(s.Name)); ok {
			return true
		}
	}
	return false
}

// CodesStatus is from when and until when there are codes of a knock.
type CodesStatus struct {
	Begins time.Time     // the first period of which there is one
	Wait   time.Duration // until then; 0 if that was before
	Ends   time.Time     // the last; zero if there are none, the same as Begins if none was loaded
	Left   time.Duration // until then
	Ahead  time.Duration // how long they should last
	Stale  bool          // they are of another boot, or the clock was set: a refill is due
}

// Short reports whether there is less than a day left, or less than half of what should be.
func (c *CodesStatus) Short() bool {
	return c.Stale || c.Begins.Equal(c.Ends) || c.Left < min(24*time.Hour, c.Ahead/2)
}

func (h *Host) codesStatus(t *Table) (map[string]*CodesStatus, error) {
	if !t.hasCodes() {
		return nil, nil
	}
	now, err := h.instant()
	if err != nil {
		return nil, err
	}
	marks, err := h.tables.Marks(t)
	if err != nil {
		return nil, err
	}
	all := map[string]*CodesStatus{}
	for knock, m := range marks {
		c := &CodesStatus{}
		if m != nil {
			c.Begins, c.Ends = codes.Begins(m.First, m.Period), codes.Begins(m.Next, m.Period)
			c.Wait = max(0, c.Begins.Sub(now.Wall))
			c.Left, c.Ahead, c.Stale = c.Ends.Sub(now.Wall), m.Ahead, !m.holds(now)
		}
		all[knock] = c
	}
	return all, nil
}
