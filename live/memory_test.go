//go:build linux

package live

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"example.org/knockc/compiler"
)

// memory stands in for nf_tables. It keeps the messages that make objects and answers with
// them, as the kernel's answers have the same attributes. It looks at no packet, and no
// time passes.
type memory struct {
	objects  []object
	elements map[string][]setElement // by table and set
	handles  uint64
	requests map[netlink.HeaderType]int // that were sent, by their kind
}

// object is a table, chain, rule, set or counter.
type object struct {
	kind        netlink.HeaderType // of the message that makes it
	table, name string             // of a rule the name is that of its chain
	data        []byte
}

type setElement struct {
	key        string
	attributes []netlink.Attribute
}

const newTable, newChain, newRule, newSet, newSetElem, newObj = nfTables | unix.NFT_MSG_NEWTABLE, nfTables | unix.NFT_MSG_NEWCHAIN,
	nfTables | unix.NFT_MSG_NEWRULE, nfTables | unix.NFT_MSG_NEWSET, nfTables | unix.NFT_MSG_NEWSETELEM, nfTables | unix.NFT_MSG_NEWOBJ

const nfTables = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES << 8)

// newMemory is such a kernel, and a connection to it.
func newMemory(t rapid.TB) (*memory, *kernel) {
	t.Helper()
	m := &memory{elements: map[string][]setElement{}, requests: map[netlink.HeaderType]int{}}
	conn, err := nftables.New(nftables.WithTestDial(m.receive), nftables.AsLasting())
	if err != nil {
		t.Fatal(err)
	}
	return m, &kernel{clock: &stillClock{}, conn: conn, raw: nltest.Dial(m.receive), dumper: m}
}

// loadedInMemory is a connection to one that has a ruleset loaded.
func loadedInMemory(t rapid.TB, r *compiler.Ruleset) *kernel {
	t.Helper()
	_, k := newMemory(t)
	if err := k.Load(r, nil); err != nil {
		t.Fatal(err)
	}
	return k
}

type stillClock struct{}

func (stillClock) Now() time.Duration  { return 0 }
func (stillClock) Sleep(time.Duration) {}
func (stillClock) Wall() time.Time     { return time.Time{} }

// receive takes requests, and returns the answers.
func (m *memory) receive(requests []netlink.Message) ([]netlink.Message, error) {
	if len(requests) == 1 && requests[0].Header.Flags&netlink.Dump == netlink.Dump {
		var answers []netlink.Message
		h := requests[0].Header
		for kind, data := range m.list(h.Type, requests[0].Data) {
			answers = append(answers, netlink.Message{Header: netlink.Header{Type: kind, Sequence: h.Sequence, PID: h.PID}, Data: data})
		}
		if len(answers) == 0 {
			return nil, io.EOF
		}
		return nltest.Multipart(append(answers, netlink.Message{Header: netlink.Header{Sequence: h.Sequence, PID: h.PID}})) // that becomes the end
	}
	return m.transaction(requests)
}

// transaction does all or nothing.
func (m *memory) transaction(requests []netlink.Message) (answers []netlink.Message, err error) {
	objects, elements := slices.Clone(m.objects), maps.Clone(m.elements)
	for _, r := range requests {
		if r.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES {
			continue // the beginning or the end
		}
		m.requests[r.Header.Type]++
		if failed := m.change(r); failed != 0 {
			m.objects, m.elements = objects, elements
			return nltest.Error(int(failed), []netlink.Message{r})
		}
		answers = append(answers, netlink.Message{
			Header: netlink.Header{Type: netlink.Error, Sequence: r.Header.Sequence, PID: r.Header.PID}, Data: make([]byte, 20),
		})
	}
	if len(answers) == 0 {
		return nil, io.EOF
	}
	return answers, nil
}

func (m *memory) change(r netlink.Message) unix.Errno {
	table, name := namesIn(r)
	is := func(o object) bool { return o.table == table && (o.name == name || name == "") }
	switch kind := r.Header.Type; kind {
	case newTable, newChain, newSet, newObj:
		if !slices.ContainsFunc(m.objects, func(o object) bool { return o.kind == kind && is(o) }) {
			m.objects = append(m.objects, object{kind, table, name, r.Data})
		}
	case newRule:
		m.handles++
		handle := attribute(unix.NFTA_RULE_HANDLE, binary.BigEndian.AppendUint64(nil, m.handles))
		m.objects = append(m.objects, object{kind, table, name, append(slices.Clone(r.Data), handle...)})
	case newSetElem:
		m.addElements(table+" "+name, r.Data)
	case nfTables | unix.NFT_MSG_DELSETELEM:
		return m.deleteElements(table+" "+name, r.Data)
	case nfTables | unix.NFT_MSG_DELTABLE:
		m.objects = slices.DeleteFunc(slices.Clone(m.objects), is)
		maps.DeleteFunc(m.elements, func(set string, _ []setElement) bool { return bytes.HasPrefix([]byte(set), []byte(table+" ")) })
	default: // the kind that deletes is the one after that which lists, after that which makes
		made := kind - 2
		if kind == nfTables|unix.NFT_MSG_DELSET {
			delete(m.elements, table+" "+name)
		}
		m.objects = slices.DeleteFunc(slices.Clone(m.objects), func(o object) bool { return o.kind == made && is(o) })
	}
	return 0
}

// list yields what a request asks for, each with the kind of its message.
func (m *memory) list(request netlink.HeaderType, data []byte) func(yield func(netlink.HeaderType, []byte) bool) {
	m.requests[request]++
	table, name := namesIn(netlink.Message{Header: netlink.Header{Type: request}, Data: data})
	return func(yield func(netlink.HeaderType, []byte) bool) {
		if request == nfTables|unix.NFT_MSG_GETSETELEM {
			if all := m.elements[table+" "+name]; len(all) > 0 {
				yield(newSetElem, elementsListed(data, all))
			}
			return
		}
		for _, o := range m.objects {
			if o.kind == request-1 && (table == "" || o.table == table) && (name == "" || o.name == name) && !yield(o.kind, o.data) {
				return
			}
		}
	}
}

func (m *memory) dump(kind netlink.HeaderType, data []byte, each func([]byte)) (whole bool, err error) {
	for _, entry := range m.list(kind, data) {
		each(entry)
	}
	return true, nil
}

// namesIn are the names of the table and of what is in it.
func namesIn(r netlink.Message) (table, name string) {
	second := uint16(2) // NFTA_RULE_CHAIN, NFTA_SET_NAME, NFTA_SET_ELEM_LIST_SET, NFTA_OBJ_NAME
	switch r.Header.Type {
	case newTable, nfTables | unix.NFT_MSG_GETTABLE, nfTables | unix.NFT_MSG_DELTABLE:
		second = 0
	case newChain, nfTables | unix.NFT_MSG_GETCHAIN, nfTables | unix.NFT_MSG_DELCHAIN:
		second = unix.NFTA_CHAIN_NAME
	}
	for _, a := range attributesIn(r.Data[4:]) {
		switch text := string(bytes.TrimRight(a.Data, "\x00")); a.Type {
		case 1:
			table = text
		case second:
			name = text
		}
	}
	return table, name
}

func attributesIn(data []byte) []netlink.Attribute {
	all, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		panic(err)
	}
	for i := range all {
		all[i].Type &^= unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	}
	return all
}

func attribute(kind uint16, data []byte) []byte {
	return nltest.MustMarshalAttributes([]netlink.Attribute{{Type: kind, Data: data}})
}

// elementsIn are those in a message about elements.
func elementsIn(data []byte) (all []setElement) {
	for _, list := range attributesIn(data[4:]) {
		if list.Type != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			continue
		}
		for _, e := range attributesIn(list.Data) {
			element := setElement{attributes: attributesIn(e.Data)}
			for _, a := range element.attributes {
				switch a.Type {
				case unix.NFTA_SET_ELEM_KEY:
					element.key = string(a.Data)
				case unix.NFTA_SET_ELEM_TIMEOUT: // all of it is left
					element.attributes = append(element.attributes, netlink.Attribute{Type: unix.NFTA_SET_ELEM_EXPIRATION, Data: a.Data})
				}
			}
			all = append(all, element)
		}
	}
	return all
}

func (m *memory) addElements(set string, data []byte) {
	all := slices.Clone(m.elements[set])
	for _, e := range elementsIn(data) {
		if !slices.ContainsFunc(all, func(other setElement) bool { return other.key == e.key }) {
			all = append(all, e)
		}
	}
	m.elements[set] = all
}

func (m *memory) deleteElements(set string, data []byte) unix.Errno {
	gone := elementsIn(data)
	if gone == nil {
		delete(m.elements, set)
		return 0
	}
	all := slices.Clone(m.elements[set])
	for _, e := range gone {
		i := slices.IndexFunc(all, func(other setElement) bool { return other.key == e.key })
		if i < 0 {
			return unix.ENOENT
		}
		all = slices.Delete(all, i, i+1)
	}
	m.elements[set] = all
	return 0
}

// elementsListed is a message about elements, after a request for them.
func elementsListed(request []byte, all []setElement) []byte {
	var entries []netlink.Attribute
	for _, e := range all {
		entries = append(entries, netlink.Attribute{Type: unix.NFTA_LIST_ELEM, Data: nltest.MustMarshalAttributes(e.attributes)})
	}
	return append(slices.Clone(request), attribute(unix.NFTA_SET_ELEM_LIST_ELEMENTS, nltest.MustMarshalAttributes(entries))...)
}
