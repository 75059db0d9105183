//go:build linux

package live

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// A knock's codes are in a set, by the name of [compiler.CodesSet]. Beside it is another set
// whose only element has the mark, as its comment. So the mark stays when rules are loaded
// again, and goes with the table.

// held is what a table has of a knock's codes.
type held struct {
	mark   *codeMark                    // nil if there is none
	codes  map[codes.Code]time.Duration // how long each is still there
	marked bool                         // there is a set for the mark
}

// markSet is the name of the set for the mark, given that of the codes.
func markSet(codesSet string) string { return codesSet + "_loaded" }

// isMarkSet reports whether a set is for a mark.
func isMarkSet(name string) bool {
	codesSet, ok := strings.CutSuffix(name, markSet(""))
	_, isCodes := compiler.KnockOfCodes(codesSet)
	return ok && isCodes
}

// comment is the mark as the table has it. The longest that there can be has 124 bytes, of
// the 127 for which there is room.
func (m *codeMark) comment() string {
	return fmt.Sprintf("period %ds ahead %ds first %d next %d key %s boot %s clock %d", m.Period/time.Second, m.Ahead/time.Second,
		m.First, m.Next, m.Key, m.Boot, m.Offset.Milliseconds())
}

// parseMark reads a mark; nil if it is none.
func parseMark(knock, comment string) *codeMark {
	m := &codeMark{series: series{Knock: knock}}
	_, err := fmt.Sscanf(comment, "period %ds ahead %ds first %d next %d key %s boot %s clock %d",
		&m.Period, &m.Ahead, &m.First, &m.Next, &m.Key, &m.Boot, &m.Offset)
	m.Period, m.Ahead, m.Offset = m.Period*time.Second, m.Ahead*time.Second, m.Offset*time.Millisecond
	if err != nil || m.comment() != comment || m.Period <= 0 || m.First > m.Next {
		return nil
	}
	return m
}

// Codes reads what a table has of one-time codes, by knock.
func (h *kernel) Codes(t *Table) (map[string]held, error) {
	marks, err := h.Marks(t)
	if err != nil {
		return nil, err
	}
	all := map[string]held{}
	for knock, mark := range marks {
		set := compiler.CodesSet(knock)
		in, err := h.codesIn(t.Name, t.set(set).Name)
		if err != nil {
			return nil, explain(err)
		}
		all[knock] = held{mark, in, t.set(markSet(set)) != nil}
	}
	return all, nil
}

// Marks reads what a table says of the codes that were loaded, by knock; nil if nothing.
func (h *kernel) Marks(t *Table) (map[string]*codeMark, error) {
	all := map[string]*codeMark{}
	for _, s := range t.sets {
		knock, ok := compiler.KnockOfCodes(t.own(s.Name))
		if !ok {
			continue
		}
		all[knock] = nil
		mark := t.set(markSet(compiler.CodesSet(knock)))
		if mark == nil {
			continue
		}
		elements, err := h.conn.GetSetElements(&nftables.Set{Table: t.table, Name: mark.Name})
		if err != nil {
			return nil, explain(err)
		}
		if len(elements) == 1 {
			all[knock] = parseMark(knock, elements[0].Comment)
		}
	}
	return all, nil
}

// codesIn reads the codes in a set, and how long each is still there.
func (h *kernel) codesIn(table, set string) (map[codes.Code]time.Duration, error) {
	e := netlink.NewAttributeEncoder()
	e.String(unix.NFTA_SET_ELEM_LIST_TABLE, table)
	e.String(unix.NFTA_SET_ELEM_LIST_SET, set)
	data, err := e.Encode()
	if err != nil {
		return nil, err
	}
	request := append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, data...) // nfgenmsg
	for try := 1; ; try++ {
		all := map[codes.Code]time.Duration{}
		whole, err := h.dumper.dump(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETSETELEM, request, func(entry []byte) {
			list := find(entry[min(4, len(entry)):], unix.NFTA_SET_ELEM_LIST_ELEMENTS)
			for _, element := range attributes(list) {
				if key := find(find(element, unix.NFTA_SET_ELEM_KEY), unix.NFTA_DATA_VALUE); len(key) == codes.Size {
					all[codes.Code(key)] = codeLeft(find(element, unix.NFTA_SET_ELEM_EXPIRATION))
				}
			}
		})
		if err != nil || whole {
			return all, err
		}
		if try == maxTries {
			return nil, fmt.Errorf("set %s changed %d times while it was read: try again", set, maxTries)
		}
	}
}

// codeLeft reads how long an element is still there: for ever, if it has no end.
func codeLeft(milliseconds []byte) time.Duration {
	if len(milliseconds) < 8 {
		return lang.Forever
	}
	return time.Duration(binary.BigEndian.Uint64(milliseconds)) * time.Millisecond
}

// codeChange is what a transaction does to codes and their marks.
type codeChange struct{ sets []codeSet }

// takes reports whether codes go. The change may be nil.
func (c *codeChange) takes() bool {
	return c != nil && slices.ContainsFunc(c.sets, func(s codeSet) bool { return s.flush })
}

// codeSet is what it does to those of a knock.
type codeSet struct {
	knock  string
	flush  bool // the codes go first
	marked bool // there is a set for the mark
	mark   *codeMark
	load   []int64 // periods
	key    codes.Key
	before time.Time // when this must be in the kernel; zero: at any time
}

// errLate says that codes could be used before they are loaded, as that takes too long.
var errLate = errors.New("it takes too long to load one-time codes: write a longer `period` or a shorter `ahead`")

// late reports whether the kernel may have a change too late. It takes less time to do it
// than it took to say what is to be done.
func (c *codeChange) late(began, now time.Time) bool {
	done := now.Add(now.Sub(began))
	return c != nil && slices.ContainsFunc(c.sets, func(s codeSet) bool { return !s.before.IsZero() && done.After(s.before) })
}

// queueCodes queues a change, which may be nil, for the transaction.
func (h *kernel) queueCodes(at Location, c *codeChange) error {
	if c == nil {
		return nil
	}
	var errs []error
	for i, s := range c.sets {
		set := &nftables.Set{Table: tableOf(at.Table), Name: at.name(compiler.CodesSet(s.knock)), HasTimeout: true}
		mark := &nftables.Set{Table: set.Table, Name: markSet(set.Name), KeyType: nftables.TypeMark, Dynamic: true, Size: 1, ID: 1<<16 + uint32(i)}
		if s.flush {
			h.conn.FlushSet(set)
		}
		errs = append(errs, h.queueLoads(set, &s))
		if s.mark == nil && !s.marked {
			continue
		}
		errs = append(errs, h.conn.AddSet(mark, nil))
		h.conn.FlushSet(mark)
		if s.mark != nil {
			errs = append(errs, h.conn.SetAddElements(mark, []nftables.SetElement{{Key: binary.NativeEndian.AppendUint32(nil, 1), Comment: s.mark.comment()}}))
		}
	}
	return errors.Join(errs...)
}

// queueLoads queues the codes that go into a set. To decide which has taken a while, so
// some may have ended.
func (h *kernel) queueLoads(set *nftables.Set, s *codeSet) error {
	const fits = 1024 // elements in a message, see compiler.maxElements
	mac, now := s.key.Series(s.knock), h.clock.Wall()
	elements := make([]nftables.SetElement, 0, min(fits, len(s.load)))
	for some := range slices.Chunk(s.load, fits) {
		elements = elements[:0]
		for _, period := range some {
			left := codes.Ends(period, s.mark.Period).Sub(now)
			if left < time.Millisecond { // the kernel's unit
				continue
			}
			code := mac(period).Code()
			elements = append(elements, nftables.SetElement{Key: code[:], Timeout: left})
		}
		if err := h.conn.SetAddElements(set, elements); err != nil {
			return err
		}
	}
	return nil
}

// LoadCodes changes codes, and nothing else.
func (h *kernel) LoadCodes(at Location, c *codeChange) error {
	err := h.flushCodes(at, c)
	if is(err, unix.ENOBUFS) {
		err = h.loadedCodes(at, c, err)
	}
	return c.explain(err)
}

// loadedCodes finds out whether codes were loaded, if there was no room for the kernel's
// answers. It returns the error if not.
func (h *kernel) loadedCodes(at Location, c *codeChange, failed error) error {
	if err := h.reconnect(); err != nil {
		return err
	}
	read := func() (*Table, error) { return h.Table(at.Table) }
	if at.Fragment != "" {
		read = func() (*Table, error) { return h.Fragment(at) }
	}
	t, err := read()
	if err != nil || t == nil {
		return cmp.Or(err, failed)
	}
	marks, err := h.Marks(t)
	if err != nil {
		return err
	}
	for _, s := range c.sets {
		if is := marks[s.knock]; s.mark != nil && (is == nil || is.comment() != s.mark.comment()) {
			return failed
		}
	}
	return nil
}

// flushCodes has the kernel do what is queued, and what becomes of codes.
func (h *kernel) flushCodes(at Location, c *codeChange) error {
	began := h.clock.Wall()
	err := h.queueCodes(at, c)
	if err == nil && c.late(began, h.clock.Wall()) {
		err = errLate
	}
	if err != nil {
		return errors.Join(err, h.reconnect()) // half of it is queued
	}
	return h.conn.Flush()
}

// explain is [explain] for a transaction with a change of codes, which may be nil.
func (c *codeChange) explain(err error) error {
	switch {
	case c == nil:
	case is(err, unix.ENFILE):
		return fmt.Errorf("a set of one-time codes is full: remove the policy and apply it again, which makes a larger one: %w", explain(err))
	case is(err, unix.EMSGSIZE):
		return fmt.Errorf("so many one-time codes are too long a message: raise net.core.wmem_max, or write a shorter `ahead`: %w", explain(err))
	}
	return explain(err)
}

// name is the name of what is in a ruleset.
func (l Location) name(own string) string {
	if l.Fragment == "" {
		return own
	}
	return l.Fragment + "_" + own
}
