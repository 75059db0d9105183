package live

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
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

// maxDeleted is how many elements' keys fit in one message.
const maxDeleted = 1000

func (h *Host) queueDeletions(s *nftables.Set, gone []element) error {
	for some := range slices.Chunk(gone, maxDeleted) {
		var keys []nftables.SetElement
		for _, e := range some {
			keys = append(keys, nftables.SetElement{Key: e.key})
		}
		if err := h.conn.SetDeleteElements(s, keys); err != nil {
			return err
		}
	}
	return nil
}
