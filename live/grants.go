//go:build linux

package live

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

func (t *Table) knock(name string) (*Knock, error) {
	m := t.meanings()
	k := m.knocks[name]
	if k == nil {
		return nil, &UnknownKnockError{name, slices.Sorted(maps.Keys(m.knocks))}
	}
	return k, nil
}

// Granted is a door that was opened by hand.
type Granted struct {
	Source netip.Prefix  // what counts as one source
	For    time.Duration // [lang.Forever]
}

func (h *kernel) Grant(t *Table, knock string, src netip.Addr, lasts time.Duration) (Granted, error) {
	k, err := t.knock(knock)
	if err != nil {
		return Granted{}, err
	}
	_ = h.takeOutUseless(t) // if that fails there is less room
	for _, does := range k.opens {
		if last := does[len(does)-1]; last.family == compiler.FamilyOf(src) {
			return h.open(t, k, does, src, lasts)
		}
	}
	if len(k.At) > 0 && len(k.opens) > 0 {
		return Granted{}, fmt.Errorf("knock `%s` has no services for %s: they are at %s", knock, lang.Printable(src.String()), strings.Join(k.At, " "))
	}
	return Granted{}, fmt.Errorf("knock `%s` never opens", knock)
}

// open makes the elements that the rule which opens the door would make. An element
// that is there cannot be renewed over netlink but made anew; if it ends between the
// look and that, it is done again.
func (h *kernel) open(t *Table, k *Knock, does []change, src netip.Addr, lasts time.Duration) (Granted, error) {
	grant := does[len(does)-1]
	switch {
	case lasts == 0:
		lasts = grant.timeout
	case lasts < lang.Forever && grant.timeout == lang.Forever: // the kernel would end it when the source knocks
		return Granted{}, fmt.Errorf("%s grants forever, which cannot be mixed with grants that end: leave -for out", k.Name)
	}
	for try := 1; ; try++ {
		var left time.Duration // of the last, which is the grant
		for _, c := range does {
			timeout := lasts
			switch {
			case c == grant:
			case lasts > grant.timeout: // the source's next knock would shorten a guard with a timeout
				timeout = lang.Forever
			case lasts < lang.Forever: // a guard lives longer than what it speaks of
				timeout += c.timeout - grant.timeout
			}
			var err error
			if left, err = h.queueElement(t, c, src, timeout); err != nil {
				return Granted{}, err
			}
		}
		err := explain(h.conn.Flush())
		switch {
		case err == nil:
			source, _ := src.Prefix(grant.bits)
			return Granted{source, left}, nil
		case is(err, unix.ENFILE):
			return Granted{}, fmt.Errorf("set %s is full", grant.set)
		case !is(err, unix.ENOENT) && !is(err, unix.EEXIST) || try == maxTries:
			return Granted{}, err
		}
	}
}

// queueElement makes an element, in place of one that would end before it. It returns how
// long that lives, or the one that does not end before it.
func (h *kernel) queueElement(t *Table, c change, src netip.Addr, timeout time.Duration) (left time.Duration, err error) {
	s := t.set(c.set)
	if s == nil {
		return 0, fmt.Errorf("set %s is gone: apply the policy again", c.set)
	}
	key := c.key(src)
	all, err := h.elements(t, c.set)
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		if !slices.Equal(e.key, key) {
			continue
		}
		if e.left >= timeout {
			return e.left, nil
		}
		if err := h.conn.SetDeleteElements(s, []nftables.SetElement{{Key: key}}); err != nil {
			return 0, err
		}
	}
	return timeout, h.conn.SetAddElements(s, []nftables.SetElement{{Key: key, Timeout: compiler.ToKernel(timeout)}})
}

func (h *kernel) Revoke(t *Table, knock string, from netip.Prefix) ([]Standing, error) {
	if knock != "" {
		if _, err := t.knock(knock); err != nil {
			return nil, err
		}
	}
	m := t.meanings()
	deleted, err := h.deleteFound(t, func() ([]element, error) {
		doors, err := h.elementsOf(t, compiler.Doors)
		if err != nil {
			return nil, err
		}
		all, err := h.elementsOf(t, standingSets...)
		if err != nil {
			return nil, err
		}
		var meant, others []element
		for _, e := range all {
			if m.isMeant(e, knock, from) {
				meant = append(meant, e)
			} else {
				others = append(others, e)
			}
		}
		return append(meant, m.useless(doors, others)...), nil
	})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(deleted, func(e element) bool { return isOf(e.set, compiler.Doors) }) {
		_ = h.putInNeeded(t) // what was meant is done
	}
	return Furthest(m.standing(deleted)), nil
}

// isMeant reports whether an element is of a knock, or with an empty name of any, and of a
// source in a prefix, or with a zero one of any.
func (m *meanings) isMeant(e element, knock string, from netip.Prefix) bool {
	s, known := m.states[e.place]
	if !known || knock != "" && s.Knock != knock {
		return false
	}
	source, _ := e.src.Prefix(s.bits)
	return !from.IsValid() || from.Overlaps(source)
}
