//go:build linux

package live

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"time"

	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
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
	family  compiler.Family
	bits    int           // how much of the address makes a source
	timeout time.Duration // [lang.Forever]
}

// rules reads those of a chain; there are none if there is no such chain. To read those of
// a table at once takes longer the more there are: the kernel gives a few at a time, and
// counts from the first one on each time.
func (h *kernel) rules(table, chain string) ([]rule, error) {
	e := netlink.NewAttributeEncoder()
	e.String(unix.NFTA_RULE_TABLE, table)
	e.String(unix.NFTA_RULE_CHAIN, chain)
	attributes, err := e.Encode()
	if err != nil {
		return nil, err
	}
	request := append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, attributes...) // nfgenmsg
	for try := 1; ; try++ {
		var all []rule
		whole, err := h.dumper.dump(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, request, func(entry []byte) {
			all = append(all, readRule(entry))
		})
		if err != nil || whole || try == maxTries {
			return all, err
		}
	}
}

func readRule(message []byte) (r rule) {
	const header = 4 // nfgenmsg
	for kind, value := range attributes(message[min(header, len(message)):]) {
		switch kind {
		case unix.NFTA_RULE_HANDLE:
			r.handle = bigEndian(value)
		case unix.NFTA_RULE_USERDATA:
			r.comment, _ = userdata.GetString(value, userdata.TypeComment)
		case unix.NFTA_RULE_EXPRESSIONS:
			r.changes = readChanges(value)
		}
	}
	return r
}

// readChanges reads what a rule's expressions change, in order.
func readChanges(expressions []byte) (all []change) {
	var c change
	for _, e := range attributes(expressions) {
		data := find(e, unix.NFTA_EXPR_DATA)
		switch name := find(e, unix.NFTA_EXPR_NAME); text(name) {
		case "payload":
			length := int(bigEndian(find(data, unix.NFTA_PAYLOAD_LEN)))
			c.family, c.bits = compiler.IPv4, 8*length
			if c.bits == compiler.IPv6.Bits() {
				c.family = compiler.IPv6
			}
		case "bitwise":
			c.bits = 0
			for _, b := range find(find(data, unix.NFTA_BITWISE_MASK), unix.NFTA_DATA_VALUE) {
				c.bits += bits.OnesCount8(b)
			}
		case "immediate":
			if value := find(find(data, unix.NFTA_IMMEDIATE_DATA), unix.NFTA_DATA_VALUE); len(value) == 4 {
				c.number = binary.NativeEndian.Uint32(value)
			}
		case "dynset":
			if bigEndian(find(data, unix.NFTA_DYNSET_OP)) == unix.NFT_DYNSET_OP_UPDATE {
				c.set = text(find(data, unix.NFTA_DYNSET_SET_NAME))
				c.timeout = compiler.FromKernel(time.Duration(bigEndian(find(data, unix.NFTA_DYNSET_TIMEOUT))) * time.Millisecond)
				all = append(all, c)
			}
		}
	}
	return all
}

// attributes yields the kinds and values of attributes, as far as they are whole.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		const header, aligned = unix.SizeofNlAttr, unix.NLA_ALIGNTO
		for len(b) >= header {
			n := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if n < header || n > len(b) || !yield(kind, b[header:n]) {
				return
			}
			b = b[min((n+aligned-1)&^(aligned-1), len(b)):]
		}
	}
}

// find is the value of the attribute of a kind, nil if there is none.
func find(b []byte, wanted uint16) []byte {
	for kind, value := range attributes(b) {
		if kind == wanted {
			return value
		}
	}
	return nil
}

// bigEndian is a number of any length.
func bigEndian(b []byte) (n uint64) {
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	return n
}

// text is a text that ends with a zero.
func text(b []byte) string { return string(bytes.TrimSuffix(b, []byte{0})) }
