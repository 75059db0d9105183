//go:build linux

package rehearse

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// sets are those of the policy in the place.
type sets struct {
	of     *Subject
	asking *netlink.Conn
	conn   *nftables.Conn
}

// newSets is for the thread's network namespace.
func newSets(of *Subject) (*sets, error) {
	asking, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		asking.Close()
		return nil, err
	}
	return &sets{of, asking, conn}, nil
}

func (s *sets) close() {
	s.asking.Close()
	s.conn.CloseLasting()
}

// timeout is that of the element for a source, false if there is none. It asks for this
// element alone: a step may move thousands of knocks.
func (s *sets) timeout(at compiler.Place, f compiler.Family, src netip.Addr) (d time.Duration, ok bool, err error) {
	key := at.Key(f)
	source, _ := src.Prefix(key.Bits)
	value := binary.NativeEndian.AppendUint32(source.Addr().AsSlice(), key.State)
	text := func(kind uint16, text string) attribute { return attribute{kind: kind, value: append([]byte(text), 0)} }
	nest := func(kind uint16, inner attribute) attribute {
		return attribute{kind, unix.NLA_F_NESTED, inner.append(nil)}
	}
	element := nest(unix.NFTA_LIST_ELEM, nest(unix.NFTA_SET_ELEM_KEY, attribute{kind: unix.NFTA_DATA_VALUE, value: value}))
	replies, err := s.asking.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSETELEM, Flags: netlink.Request},
		Data: rebuilt([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, []attribute{
			text(unix.NFTA_SET_ELEM_LIST_TABLE, s.of.Table), text(unix.NFTA_SET_ELEM_LIST_SET, s.of.set(at.Kind, f)),
			nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, element),
		}),
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case len(replies) == 0 || len(replies[0].Data) < 4:
		return 0, false, errors.New("the kernel does not say what is in a set")
	}
	list := find(attributesOf(replies[0].Data[4:]), unix.NFTA_SET_ELEM_LIST_ELEMENTS)
	first := find(attributesOf(list), unix.NFTA_LIST_ELEM)
	if b := find(attributesOf(first), unix.NFTA_SET_ELEM_TIMEOUT); len(b) == 8 {
		return time.Duration(binary.BigEndian.Uint64(b)) * time.Millisecond, true, nil
	}
	return lang.Forever, true, nil
}

// empty empties them.
func (s *sets) empty() error {
	table := &nftables.Table{Name: s.of.Table, Family: nftables.TableFamilyINet}
	for _, name := range s.of.Sets {
		s.conn.FlushSet(&nftables.Set{Table: table, Name: name})
	}
	return s.conn.Flush()
}
