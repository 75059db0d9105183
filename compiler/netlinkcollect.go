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
			messages = append(messages, s.collectMessage(r.Table))
		}
	}
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

// collectMessage is NFT_MSG_NEWSET for a set that is there (nf_tables_newset).
func (s *Set) collectMessage(table string) netlink.Message {
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
	data, err := e.Encode()
	must(err)
	return netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSET,
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
