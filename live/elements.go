//go:build linux

package live

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// element is a living element of a set.
type element struct {
	place
	key     []byte
	src     netip.Addr    // cut to what makes a source
	timeout time.Duration // [lang.Forever]
	left    time.Duration // of its time; [lang.Forever]
}

// elements reads those of a set, which may not be there.
func (h *kernel) elements(t *Table, set string) ([]element, error) {
	s := t.set(set)
	if s == nil {
		return nil, nil
	}
	found, err := h.conn.GetSetElements(&nftables.Set{Table: t.table, Name: s.Name})
	if err != nil {
		return nil, explain(err)
	}
	var all []element
	seen := map[string]bool{} // the kernel lists some twice while it makes room for more
	for _, f := range found {
		if src, number, ok := address(f.Key); ok && !seen[string(f.Key)] {
			seen[string(f.Key)] = true
			all = append(all, element{place{set, number}, f.Key, src, compiler.FromKernel(f.Timeout), leftOf(f)})
		}
	}
	return all, nil
}

// leftOf is what is left of an element's time.
func leftOf(e nftables.SetElement) time.Duration {
	if e.Timeout == 0 {
		return lang.Forever
	}
	return e.Expires
}

// maxTries bounds how often something is tried that others can spoil.
const maxTries = 10

// maxChanged is how many elements fit in one message.
const maxChanged = 200

// deleteFound deletes the elements that are found, all of them or none, and returns them.
// It waits for those that end by themselves meanwhile.
func (h *kernel) deleteFound(t *Table, find func() ([]element, error)) (deleted []element, err error) {
	soon := 50 * time.Millisecond // what is left of the time of an element that may end meanwhile
	for range maxTries {
		begin := h.clock.Now()
		found, err := find()
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return deleted, nil
		}
		soon = max(soon, 2*(h.clock.Now()-begin))
		ends, err := h.delete(t, found, soon)
		switch {
		case err == nil:
			h.clock.Sleep(ends)
			return found, nil
		case is(err, unix.ENOBUFS): // no room for the answers: what is there now tells
			deleted = found
			if err := h.reconnect(); err != nil {
				return nil, err
			}
		case !is(err, unix.ENOENT) && !is(err, unix.ENFILE): // these say that one has ended
			return nil, err
		}
		soon = min(2*soon, time.Second)
	}
	return nil, errors.New("elements end faster than they can be deleted: try again")
}

// elementsOf are those of the sets of some kinds.
func (h *kernel) elementsOf(t *Table, kinds ...compiler.SetKind) (found []element, err error) {
	for _, kind := range kinds {
		for _, family := range compiler.Families {
			all, err := h.elements(t, kind.SetName(family))
			if err != nil {
				return nil, err
			}
			found = append(found, all...)
		}
	}
	return found, nil
}

// delete deletes elements in one transaction, except those that end soon, and returns
// when the last of these ends. A packet may delete one too. So it makes each before it
// deletes it, which does nothing to one that is there.
func (h *kernel) delete(t *Table, gone []element, soon time.Duration) (ends time.Duration, err error) {
	keys := map[string][]nftables.SetElement{}
	for _, e := range gone {
		if e.left > soon {
			keys[e.set] = append(keys[e.set], nftables.SetElement{Key: e.key})
		} else {
			ends = max(ends, e.left)
		}
	}
	for set, all := range keys {
		for some := range slices.Chunk(all, maxChanged) {
			s := t.set(set)
			if err := errors.Join(h.conn.SetAddElements(s, some), h.conn.SetDeleteElements(s, some)); err != nil {
				return 0, err
			}
		}
	}
	return ends, explain(h.conn.Flush())
}
