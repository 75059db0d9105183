//go:build linux

package compiler

import (
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
)

// DeclareCodes makes the sets of one-time codes, and the table, unless they are there.
// [Ruleset.Load] takes them as it finds them. Sets that it has to make itself work, but
// google/nftables does not note the type of their elements, and without that nft cannot
// load its own listing.
func (r *Ruleset) DeclareCodes(c *netlink.Conn) error {
	table := netlink.NewAttributeEncoder()
	table.String(unix.NFTA_TABLE_NAME, r.Table)
	messages := []netlink.Message{newMessage(unix.NFT_MSG_NEWTABLE, table)}
	for _, s := range r.Sets {
		if s.Codes {
			messages = append(messages, s.message(r.Table))
		}
	}
	if len(messages) == 1 {
		return nil
	}
	return transact(c, messages)
}

// typeofCode is `typeof @th,64,128` as nft writes it into the user data of a set: lists of
// types, lengths and values (libnftnl/udata.h), the numbers as the host has them
// (payload_expr_build_udata).
func typeofCode() []byte {
	const (
		payload   = 7 // EXPR_PAYLOAD
		transport = 3 // PROTO_BASE_TRANSPORT_HDR
		bigEndian = 2
	)
	number := func(list []byte, kind userdata.Type, n uint32) []byte {
		return userdata.Append(list, kind, native(n))
	}
	var of []byte
	for kind, n := range []uint32{0, 0, transport, 8 * udpHeader, 8 * codes.Size} { // header, field, base, offset, length
		of = number(of, userdata.Type(kind), n)
	}
	typeof := userdata.Append(number(nil, 0, payload), 1, of)
	return userdata.Append(number(nil, userdata.NFTNL_UDATA_SET_KEYBYTEORDER, bigEndian), userdata.NFTNL_UDATA_SET_KEY_TYPEOF, typeof)
}
