package live

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"knockc/compiler"
)

// rule is what there is to know of a rule that is loaded. The rest of its expressions may
// be of any kind, also of kinds that no library knows: the table's owner may add some.
type rule struct {
	handle  uint64
	comment string
	changes []change
}

// change is what a rule does to an element of a source.
type change struct {
	set     string
	number  uint32 // the state number
	v6      bool
	bits    int           // how much of the address makes a source
	timeout time.Duration // [lang.Forever]
}

// rules reads those of a chain; there are none if there is no such chain. To read those of
// a table at once takes longer the more there are: the kernel gives a few at a time, and
// counts from the first one on each time.
func (h *Host) rules(table, chain string) ([]rule, error) {
	e := netlink.NewAttributeEncoder()
	e.String(unix.NFTA_RULE_TABLE, table)
	e.String(unix.NFTA_RULE_CHAIN, chain)
	attributes, err := e.Encode()
	if err != nil {
		return nil, err
	}
	request := netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, attributes...), // nfgenmsg
	}
	for try := 1; ; try++ {
		replies, err := h.raw.Execute(request)
		if err != nil {
			return nil, err
		}
		if all, whole := readRules(replies); whole || try == maxTries {
			return all, nil
		}
	}
}

// readRules reads the answers, and reports whether they are whole: someone may have
// changed the rules meanwhile.
func readRules(replies []netlink.Message) (all []rule, whole bool) {
	for _, m := range replies {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return all, false
		}
		if r, ok := readRule(m.Data); ok {
			all = append(all, r)
		}
	}
	return all, true
}

func readRule(message []byte) (r rule, ok bool) {
	const header = 4 // nfgenmsg
	if len(message) < header {
		return r, false
	}
	d, err := decoder(message[header:])
	if err != nil {
		return r, false
	}
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_RULE_HANDLE:
			r.handle = d.Uint64()
		case unix.NFTA_RULE_USERDATA:
			r.comment, _ = userdata.GetString(d.Bytes(), userdata.TypeComment)
		case unix.NFTA_RULE_EXPRESSIONS:
			r.changes = readChanges(d.Bytes())
		}
	}
	return r, d.Err() == nil
}

func decoder(attributes []byte) (*netlink.AttributeDecoder, error) {
	d, err := netlink.NewAttributeDecoder(attributes)
	if err == nil {
		d.ByteOrder = binary.BigEndian
	}
	return d, err
}

// readChanges reads what a rule's expressions change, in order.
func readChanges(expressions []byte) (all []change) {
	list, err := decoder(expressions)
	if err != nil {
		return nil
	}
	var c change
	for list.Next() {
		switch e := readExpression(list.Bytes()).(type) {
		case *expr.Payload:
			c.v6 = e.Len == 16
			c.bits = int(8 * e.Len)
		case *expr.Bitwise:
			c.bits = 0
			for _, b := range e.Mask {
				c.bits += bits.OnesCount8(b)
			}
		case *expr.Immediate:
			if len(e.Data) == 4 {
				c.number = binary.NativeEndian.Uint32(e.Data)
			}
		case *expr.Dynset:
			if e.Operation == unix.NFT_DYNSET_OP_UPDATE {
				c.set, c.timeout = e.SetName, compiler.FromKernel(e.Timeout)
				all = append(all, c)
			}
		}
	}
	return all
}

// readExpression reads an expression, if it is one that a change is made of.
func readExpression(attributes []byte) expr.Any {
	d, err := decoder(attributes)
	if err != nil {
		return nil
	}
	var e expr.Any
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_EXPR_NAME:
			switch d.String() {
			case "payload":
				e = &expr.Payload{}
			case "bitwise":
				e = &expr.Bitwise{}
			case "immediate":
				e = &expr.Immediate{}
			case "dynset":
				e = &expr.Dynset{}
			}
		case unix.NFTA_EXPR_DATA:
			if e != nil && expr.Unmarshal(unix.NFPROTO_INET, d.Bytes(), e) != nil {
				return nil
			}
		}
	}
	return e
}
