//go:build linux

package live

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/internal/nftrace"
)

// ErrFollowing says that another process follows packets.
var ErrFollowing = errors.New("another knockc follow is running on this host")

// Following says which packets to follow, and at which table.
type Following struct {
	At     Location
	Source netip.Prefix // whose packets
	Knock  string       // or those to the ports of this knock
	All    bool         // also packets that are not attempts
}

// Follower tells of packets as they pass the rules of the host. It uses a table of its own,
// which it must be closed to remove. If its process is killed, the table does nothing after
// half a minute, and goes when another process calls [Host.SweepFollow].
type Follower struct {
	host       *Host
	what       Following
	script     string
	loaded     time.Duration // when it was
	unlock     func()
	tracer     *nftrace.Tracer
	generation uint32 // of the host's rules; those in the book are of it
	book       nftrace.Book
	open       []*passing // packets about which there may be more, the oldest first
}

// Follow begins to follow.
func (h *Host) Follow(what Following) (*Follower, error) {
	if err := h.tables.MayRead(); err != nil {
		return nil, err
	}
	if err := h.tables.TakesText(); err != nil {
		return nil, err
	}
	f := &Follower{
		host: h, what: what,
		book: nftrace.Book{List: func(args ...string) (string, error) { return nft("", args...) }},
	}
	var err error
	if f.generation, err = h.tables.Generation(); err != nil {
		return nil, err
	}
	if f.script, err = f.scriptNow(); err != nil {
		return nil, err
	}
	f.unlock, err = h.notes.Lock(followTable, 0)
	if errors.Is(err, ErrBusy) {
		return nil, ErrFollowing
	}
	if err != nil {
		return nil, err
	}
	if f.tracer, err = nftrace.NewTracer(); err != nil {
		f.unlock()
		return nil, explain(err)
	}
	if err := f.load(); err != nil {
		return nil, undone(err, f.Close())
	}
	return f, nil
}

// scriptNow is the script that loads the table, as the policy is now.
func (f *Follower) scriptNow() (string, error) {
	t, err := f.host.policy(f.what.At)
	if err != nil {
		return "", err
	}
	if f.what.Knock == "" {
		return followScript(followSource(f.what.Source, f.what.All)), nil
	}
	knocks := t.meanings().knocks
	k := knocks[f.what.Knock]
	if k == nil {
		return "", &UnknownKnockError{f.what.Knock, slices.Sorted(maps.Keys(knocks))}
	}
	return followScript(followKnock(k, f.what.All)), nil
}

func (f *Follower) load() error {
	f.loaded = f.host.clock.Now()
	if err := f.host.tables.LoadText(f.script); err != nil {
		return fmt.Errorf("load table inet %s: %w", followTable, err)
	}
	now, err := f.host.tables.Generation()
	if now == f.generation+1 { // this was the only change
		f.generation = now
	}
	return err
}

// keepUp takes in what someone has changed meanwhile: handles may be those of other rules,
// the knock may have other ports, and the table may be gone with all others. As long as
// there is no policy, or no such knock, the ports stay.
func (f *Follower) keepUp() error {
	now, err := f.host.tables.Generation()
	if err != nil || now == f.generation {
		return err
	}
	f.generation = now
	f.book.Forget()
	script, err := f.scriptNow()
	var notLoaded *NotLoadedError
	var foreign *ForeignError
	var unknown *UnknownKnockError
	switch {
	case errors.As(err, &notLoaded), errors.As(err, &foreign), errors.As(err, &unknown):
		script = f.script
	case err != nil:
		return err
	}
	there, err := f.host.tables.Has(followTable)
	if err != nil || there && script == f.script {
		return err
	}
	f.script = script
	return f.load()
}

// Close ends it, and removes its table.
func (f *Follower) Close() error {
	defer f.unlock()
	f.tracer.Close()
	err := f.host.tables.LoadText("add table inet " + followTable + "\ndelete table inet " + followTable + "\n")
	if err != nil {
		return fmt.Errorf("remove table inet %s: %w", followTable, err)
	}
	return nil
}

// Packets waits for a moment, and tells of the packets that have passed. Some are missing
// if the kernel told of more than there is room for.
func (f *Follower) Packets() (all []Followed, missing bool, err error) {
	if f.host.clock.Now()-f.loaded >= followAgain {
		if err := f.load(); err != nil {
			return nil, false, err
		}
	}
	if err := f.tracer.Wait(settledAfter); err != nil {
		return nil, false, err
	}
	events, err := f.tracer.Events()
	missing = errors.Is(err, unix.ENOBUFS)
	if err != nil && !missing {
		return nil, false, err
	}
	if err := f.keepUp(); err != nil {
		return nil, false, err
	}
	return f.sort(events, missing), missing, nil
}

// SweepFollow removes what a process has left that followed and was killed.
func (h *Host) SweepFollow() error {
	if there, err := h.tables.Has(followTable); err != nil || !there {
		return err
	}
	unlock, err := h.notes.Lock(followTable, 0)
	if errors.Is(err, ErrBusy) { // it lives
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return h.tables.Remove(followTable)
}
