//go:build linux

package compiler

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// SetCollections tells the kernel how often to collect in the sets of a loaded ruleset.
// It uses a transaction of its own, since google/nftables does not support that.
// Without it, some packets cost more.
func (r *Ruleset) SetCollections(c *netlink.Conn) error {
	var messages []netlink.Message
	for _, s := range r.Sets {
		if s.Collect != DefaultCollect {
			messages = append(messages, s.message(r.Table))
		}
	}
	return transact(c, messages)
}

// transact sends messages as one transaction.
func transact(c *netlink.Conn, messages []netlink.Message) error {
	if len(messages) == 0 {
		return nil
	}
	batch := append([]netlink.Message{batchMessage(unix.NFNL_MSG_BATCH_BEGIN)}, messages...)
	if _, err := c.SendMessages(append(batch, batchMessage(unix.NFNL_MSG_BATCH_END))); err != nil {
		return err
	}
	for range messages {
		if _, err := c.Receive(); err != nil {
			return err
		}
	}
	return nil
}

// message is NFT_MSG_NEWSET. For a set that is there it changes the numbers
// (nf_tables_newset).
func (s *Set) message(table string) netlink.Message {
	bigEndian := binary.BigEndian.AppendUint32
	key := s.keyType()
	e := netlink.NewAttributeEncoder()
	e.String(unix.NFTA_SET_TABLE, table)
	e.String(unix.NFTA_SET_NAME, s.Name)
	e.Bytes(unix.NFTA_SET_FLAGS, bigEndian(nil, unix.NFT_SET_TIMEOUT|unix.NFT_SET_EVAL))
	e.Bytes(unix.NFTA_SET_KEY_TYPE, bigEndian(nil, key.GetNFTMagic()))
	e.Bytes(unix.NFTA_SET_KEY_LEN, bigEndian(nil, key.Bytes))
	e.Bytes(unix.NFTA_SET_ID, bigEndian(nil, 1))
	e.Bytes(unix.NFTA_SET_GC_INTERVAL, bigEndian(nil, uint32(s.Collect.Milliseconds())))
	e.Nested(unix.NFTA_SET_DESC, func(n *netlink.AttributeEncoder) error {
		n.Bytes(unix.NFTA_SET_DESC_SIZE, bigEndian(nil, uint32(s.Size)))
		return nil
	})
	if s.Codes {
		e.Bytes(unix.NFTA_SET_USERDATA, typeofCode())
	}
	return newMessage(unix.NFT_MSG_NEWSET, e)
}

// newMessage makes a thing of that type, if it is not there.
func newMessage(kind netlink.HeaderType, e *netlink.AttributeEncoder) netlink.Message {
	data, err := e.Encode()
	must(err)
	return netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | kind,
			Flags: netlink.Request | netlink.Acknowledge | netlink.Create,
		},
		Data: append([]byte{unix.NFPROTO_INET, 0, 0, 0}, data...),
	}
}

func batchMessage(kind netlink.HeaderType) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request},
		Data:   []byte{unix.AF_UNSPEC, 0, 0, unix.NFNL_SUBSYS_NFTABLES}, // nfgenmsg, its subsystem in network order
	}
}
