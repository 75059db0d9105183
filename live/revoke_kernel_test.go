//go:build linux

package live_test

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// firstSteps are first steps from many sources, until they are stopped.
func firstSteps(sources int, stop *atomic.Bool) func(yield func(netns.Packet) bool) {
	return func(yield func(netns.Packet) bool) {
		for i := 0; !stop.Load(); i++ {
			n := i % sources
			a := netip.AddrFrom4([4]byte{100, 64, byte(n >> 8), byte(n)})
			if !yield(netns.Packet{Src: a, SrcPort: uint16(1024 + i%60000), Proto: netns.TCP, DstPort: 1001, Flags: netns.SYN}) {
				return
			}
		}
	}
}

// generation is the number of the host's ruleset, which each transaction makes larger by
// one (nf_tables_commit).
func (h *host) generation() (number uint32) {
	h.Helper()
	err := h.Do(func() error {
		c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return err
		}
		defer c.Close()
		replies, err := c.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
			Data:   []byte{unix.AF_UNSPEC, 0, 0, 0},
		})
		if err != nil {
			return err
		}
		attributes, err := netlink.UnmarshalAttributes(replies[0].Data[4:])
		for _, a := range attributes {
			if a.Type == unix.NFTA_GEN_ID {
				number = binary.BigEndian.Uint32(a.Data)
			}
		}
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return number
}

// TestRevokeAtOnceOnKernel: a revoke is one transaction, however many it is about, so it
// is never half done.
func TestRevokeAtOnceOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(policies[0])
	const sources = 3000
	sent := 0
	_, err := h.Flood(func(yield func(netns.Packet) bool) {
		for p := range firstSteps(sources, new(atomic.Bool)) {
			if sent++; sent > sources || !yield(p) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []netip.Addr{src4, src6} {
		if _, err := h.live.Grant(table, "ssh", src, lang.Forever); err != nil {
			t.Fatal(err)
		}
	}
	before := h.generation()
	ended, err := h.live.Revoke(table, "", netip.Prefix{})
	if err != nil || len(ended) != sources+2 {
		t.Errorf("revoked for %d sources, %v; want %d", len(ended), err, sources+2)
	}
	if n := h.generation() - before; n != 1 {
		t.Errorf("it took %d transactions", n)
	}
	if left := h.status().Standings; len(left) > 0 {
		t.Errorf("left are %d, the first %+v", len(left), left[0])
	}
	before = h.generation()
	if ended, err := h.live.Revoke(table, "", netip.Prefix{}); err != nil || len(ended) > 0 || h.generation() != before {
		t.Errorf("revoked again: %v, %v", ended, err)
	}
}

// TestRevokeUnderFloodOnKernel revokes while what is revoked ends by itself and begins
// again all the time.
func TestRevokeUnderFloodOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply("knock ssh < 1001 1002 udp/1003 -> 22 within 300ms >")
	var stop atomic.Bool
	flooded := make(chan error)
	go func() {
		_, err := h.Flood(firstSteps(20000, &stop))
		flooded <- err
	}()
	revoked := 0
	for begin := time.Now(); time.Since(begin) < time.Second; {
		ended, err := h.live.Revoke(table, "ssh", netip.Prefix{})
		if err != nil {
			t.Error(err)
		}
		revoked += len(ended)
	}
	stop.Store(true)
	if err := <-flooded; err != nil {
		t.Fatal(err)
	}
	t.Logf("revoked %d", revoked)
	if revoked == 0 {
		t.Error("nobody was under way")
	}
}
