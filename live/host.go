//go:build linux

package live

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"example.org/knockc/compiler"
)

// Host is the host, with the tables that knockc has made. A method that changes a table
// does so under a lock, so no other process changes it meanwhile, and reads the table once.
// A Host belongs to the network namespace of the thread that calls it first.
type Host struct {
	clock  Clock
	tables tables
	notes  notes
	codes  codeStore
	boot   func() (string, error)                            // which boot this is
	start  func(command []string, after time.Duration) error // see [startDetached]
}

// NewHost is for the host that the process runs on.
func NewHost(clock Clock) *Host {
	return &Host{
		clock: clock, tables: &kernel{clock: clock}, notes: &folder{runFolder, clock}, codes: &codeFile{cmp.Or(os.Getenv(stateVariable), stateFolder), clock},
		boot: bootID, start: startDetached,
	}
}

// bootID is the beginning of a number that the kernel draws when it boots.
func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot see which boot this is: %w", err)
	}
	id := strings.ReplaceAll(strings.TrimSpace(string(text)), "-", "")
	return id[:min(16, len(id))], nil
}

// Close ends the connection to the kernel.
func (h *Host) Close() error { return h.tables.Close() }

// Clock tells how much time has gone by since a moment that all processes share and nobody
// sets, and lets time go by.
type Clock interface {
	Now() time.Duration
	Sleep(time.Duration)

	// Wall is the time of day, which somebody may set.
	Wall() time.Time
}

// tables are those of the kernel. A method that changes one does all of its work in one
// step, or none if it fails. [kernel] is the real one.
type tables interface {
	// MayRead, Head or Table is called before all others.
	MayRead() error

	// Head and Table read the beginning of a table or all of it; nil if there is none, a
	// [ForeignError] if it is someone else's.
	Head(name string) (*head, error)
	Table(name string) (*Table, error)

	// Fragment reads a fragment in a user's table; nil if there is none.
	Fragment(at Location) (*Table, error)

	// Locations are where policies are.
	Locations() ([]Location, error)

	// Has reports whether there is a table of a name, whosever it is.
	Has(name string) (bool, error)

	// Generation is a number that goes up with each change of any table.
	Generation() (uint32, error)

	// Steady calls read until no table changes meanwhile; see [steady].
	Steady(read func() error) error

	Load(r *compiler.Ruleset, c *codeChange) error // in place of an older one; nil: codes stay as they are
	RemoveLeftovers(r *compiler.Ruleset) error
	RemoveUnnamed(table string, names []string) error
	Wake(name string) error
	MakeDormant(name string) error
	Remove(name string) error

	// The text of nft can say what sources have done, with the time that is left.
	TakesText() error
	List(name string) (string, error) // empty if there is no such table
	LoadText(script string) error
	MendGuard(name string) error // after LoadText

	Grant(t *Table, knock string, src netip.Addr, lasts time.Duration) (Granted, error)
	Revoke(t *Table, knock string, from netip.Prefix) ([]Standing, error)

	// Codes and Marks read what there is of one-time codes, and what is said of them, by knock.
	Codes(t *Table) (map[string]held, error)
	Marks(t *Table) (map[string]*codeMark, error)
	LoadCodes(at Location, c *codeChange) error

	Status(t *Table) (*Status, error)
	ChangedByHand(t *Table, r *compiler.Ruleset) (string, error)
	Rules(name string) (string, error)
	Preview(r *compiler.Ruleset) (string, error)
	Tracks() bool

	Close() error
}

// notes are what processes leave for each other until the host is shut down: a lock for
// each table, and a note about its trial. [folder] is the real one.
type notes interface {
	// Lock keeps other processes from changing the table until unlock is called or the
	// process ends. It waits for them as long as patience says; then it is [ErrBusy].
	Lock(table string, patience time.Duration) (unlock func(), err error)

	Find(table string) (*note, error) // nil if there is none
	Tables() ([]string, error)        // about which there is a note
	Write(n *note) error
	Remove(table string) error
}

// How long a process waits for another one that changes the same table: to begin
// something, and to bring it to an end.
const (
	patience     = 30 * time.Second // loading millions of codes takes seconds
	longPatience = time.Minute
)

func (h *Host) locked(table string, patience time.Duration, f func() error) error {
	unlock, err := h.notes.Lock(table, patience)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// change runs f under the lock. It first asks for the right to read: a process without it
// gets that error, and not one about the file of the lock.
func (h *Host) change(table string, f func() error) error {
	if err := h.tables.MayRead(); err != nil {
		return err
	}
	return h.locked(table, patience, f)
}

// changePolicy runs f under the lock on what holds a policy.
func (h *Host) changePolicy(at Location, f func(*Table) error) error {
	return h.change(at.Table, func() error {
		t, err := h.policy(at)
		if err != nil {
			return err
		}
		return f(t)
	})
}

// policy reads what holds a policy.
func (h *Host) policy(at Location) (*Table, error) {
	t, err := h.loaded(at)
	if err == nil && t.settling() {
		err = &NotLoadedError{Table: at.Table, Settling: true}
	}
	return t, err
}

// loaded reads a table or a fragment that is there. It may hold no policy yet.
func (h *Host) loaded(at Location) (t *Table, err error) {
	if at.Fragment != "" {
		t, err = h.tables.Fragment(at)
	} else {
		t, err = h.tables.Table(at.Table)
	}
	if err == nil && t == nil {
		err = &NotLoadedError{Table: at.Table}
	}
	return t, err
}

// Grant opens the door of a knock for a source, as if it had knocked, for as long as
// the knock says, or if lasts is not 0 for that long. A door that is open already stays
// open for that long, or for longer if it does.
func (h *Host) Grant(at Location, knock string, src netip.Addr, lasts time.Duration) (g Granted, err error) {
	err = h.changePolicy(at, func(t *Table) (err error) {
		g, err = h.tables.Grant(t, knock, src, lasts)
		return err
	})
	return g, err
}

// Revoke shuts the door of a knock, or with an empty name all doors, for the sources in
// a prefix, or with a zero one for all; sources that are under way begin again. It does so
// for all or none, and returns what was open and where those under way were. Connections
// that were let in go on.
func (h *Host) Revoke(at Location, knock string, from netip.Prefix) (ended []Standing, err error) {
	err = h.changePolicy(at, func(t *Table) (err error) {
		ended, err = h.tables.Revoke(t, knock, from)
		return err
	})
	return ended, err
}

// Status reads what there is to know about a policy that is loaded. If it is the one that
// is wanted, which may be nil, it tells what someone has changed in it by hand.
func (h *Host) Status(at Location, wanted *compiler.Ruleset) (*Status, error) {
	return steady(h.tables, func() (*Status, error) { return h.tryStatus(at, wanted) })
}

func (h *Host) tryStatus(at Location, wanted *compiler.Ruleset) (*Status, error) {
	t, err := h.policy(at)
	if err != nil {
		return nil, err
	}
	s, err := h.tables.Status(t)
	if err != nil {
		return nil, err
	}
	of, err := h.codesStatus(t)
	if err != nil {
		return nil, err
	}
	for i := range s.Knocks {
		s.Knocks[i].Codes = of[s.Knocks[i].Name]
	}
	if wanted == nil {
		return s, nil
	}
	if policyOf(wanted) == t.Policy {
		s.ChangedByHand, err = h.tables.ChangedByHand(t, wanted)
	}
	return s, err
}

// Removed is a table that is gone.
type Removed struct {
	*Status
	Trial    *Trial // that was pending, nil if none was
	NotEnded error  // if the trial could not be ended: what was there before will come back
	Unnoted  error  // which one-time codes were used
}

// Remove removes a table, and ends the trial if one is pending. It is a [FragmentError] if
// that is not a table of knockc's.
func (h *Host) Remove(at Location) (r Removed, err error) {
	table := at.Table
	err = h.change(table, func() error {
		t, err := h.loaded(at)
		if err == nil && at.Fragment != "" {
			err = &FragmentError{at, t.entries()}
		}
		if err != nil {
			return err
		}
		if r.Status, err = h.tables.Status(t); err != nil {
			return err
		}
		if r.Trial, err = h.pendingTrial(table); err != nil {
			return err
		}
		r.Unnoted, err = h.takeOut(at, t, func() error { return h.tables.Remove(table) })
		if err == nil && r.Trial != nil {
			r.NotEnded = h.notes.Remove(table)
		}
		return err
	})
	return r, err
}
