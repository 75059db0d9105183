//go:build linux

package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FillFlows fills the connection tracking table with connections that the kernel does not
// give up for new ones (IPS_ASSURED), and returns how many it made. Other namespaces keep
// their room: the kernel counts for each by itself (nf_conntrack_count).
func (h *Host) FillFlows() (n int, err error) {
	err = h.Do(func() error {
		nl, err := dialNetlink(unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer nl.close()
		for ; ; n++ {
			switch err := nl.addFlow(uint32(n)); {
			case errors.Is(err, unix.ENOMEM): // __nf_conntrack_alloc finds no room
				return nil
			case err != nil:
				return fmt.Errorf("add flow %d: %w", n, err)
			}
		}
	})
	return n, err
}

// Flows returns how many connections are tracked, and how many can be.
func (h *Host) Flows() (n, most int, err error) {
	err = h.Do(func() error {
		var counts [2]int
		for i, name := range []string{"nf_conntrack_count", "nf_conntrack_max"} {
			text, err := os.ReadFile("/proc/sys/net/netfilter/" + name)
			if err != nil {
				return err
			}
			if counts[i], err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
				return err
			}
		}
		n, most = counts[0], counts[1]
		return nil
	})
	return n, most, err
}

// From linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h.
const (
	ctNew = 0

	ctTupleOrig, ctTupleReply, ctStatus, ctTimeout = 1, 2, 3, 7
	ctTupleIP, ctTupleProto                        = 1, 2
	ctIPv4Src, ctIPv4Dst                           = 1, 2
	ctProtoNum, ctProtoSrcPort, ctProtoDstPort     = 1, 2, 3

	ctSeenReply, ctAssured, ctConfirmed = 1 << 1, 1 << 2, 1 << 3
)

// addFlow adds one of many UDP connections between others.
func (nl netlink) addFlow(n uint32) error {
	client := binary.BigEndian.AppendUint32(nil, 10<<24|n)
	server := []byte{192, 0, 2, 200}
	const port = 9
	return nl.request(unix.NFNL_SUBSYS_CTNETLINK<<8|ctNew, unix.Nfgenmsg{Nfgen_family: unix.AF_INET, Version: unix.NFNETLINK_V0},
		tuple(ctTupleOrig, client, server, port), tuple(ctTupleReply, server, client, port),
		attr{ctStatus, binary.BigEndian.AppendUint32(nil, ctSeenReply|ctAssured|ctConfirmed)},
		attr{ctTimeout, binary.BigEndian.AppendUint32(nil, 3600)},
	)
}

// tuple is one direction of a UDP connection.
func tuple(kind uint16, src, dst []byte, port uint16) attr {
	ports := binary.BigEndian.AppendUint16(nil, port)
	return nested(kind,
		nested(ctTupleIP, attr{ctIPv4Src, src}, attr{ctIPv4Dst, dst}),
		nested(ctTupleProto, attr{ctProtoNum, []byte{byte(UDP)}}, attr{ctProtoSrcPort, ports}, attr{ctProtoDstPort, ports}),
	)
}

func nested(kind uint16, inner ...attr) attr {
	var b []byte
	for _, a := range inner {
		b = appendAttr(b, a)
	}
	return attr{kind | unix.NLA_F_NESTED, b}
}
