package live

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// element is a living element of a set.
type element struct {
	place
	key     []byte
	src     netip.Addr // cut to what makes a source
	timeout time.Duration
	left    time.Duration // of its time; 0 if it has no timeout
}

// elements reads those of a set.
func (h *Host) elements(t *Table, set string) ([]element, error) {
	found, err := h.conn.GetSetElements(&nftables.Set{Table: t.table, Name: set})
	if err != nil {
		return nil, explain(err)
	}
	var all []element
	for _, f := range found {
		if src, number, ok := address(f.Key); ok {
			all = append(all, element{place{set, number}, f.Key, src, f.Timeout, f.Expires})
		}
	}
	return all, nil
}

// maxTries bounds how often something is tried that others can spoil.
const maxTries = 10

// maxChanged is how many elements fit in one message.
const maxChanged = 200

// deleteWhere deletes the elements that are chosen from the sets of some kinds, and
// returns them.
func (h *Host) deleteWhere(t *Table, kinds []string, chosen func(element) bool) ([]element, error) {
	var deleted []element
	for _, kind := range kinds {
		for _, family := range []string{"4", "6"} {
			s := t.set(kind + family)
			if s == nil {
				continue
			}
			all, err := h.elements(t, s.Name)
			if err != nil {
				return deleted, err
			}
			all = slices.DeleteFunc(all, func(e element) bool { return !chosen(e) })
			for some := range slices.Chunk(all, maxChanged) {
				if err := h.delete(s, some); err != nil {
					return deleted, err
				}
				deleted = append(deleted, some...)
			}
		}
	}
	return deleted, nil
}

// delete deletes elements. One may have ended meanwhile, and then none of them is
// deleted: so each half is tried by itself.
func (h *Host) delete(s *nftables.Set, gone []element) error {
	var keys []nftables.SetElement
	for _, e := range gone {
		keys = append(keys, nftables.SetElement{Key: e.key})
	}
	if err := h.conn.SetDeleteElements(s, keys); err != nil {
		return err
	}
	err := explain(h.conn.Flush())
	switch half := len(gone) / 2; {
	case !is(err, unix.ENOENT):
		return err
	case half == 0:
		return nil
	default:
		return errors.Join(h.delete(s, gone[:half]), h.delete(s, gone[half:]))
	}
}
