//go:build linux

package live_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// crowded is a policy whose port 22 so many knocks guard that the rules ask the guard of
// doors first. The first ones open for as long as the grant is.
func crowded(knocks int, grant string) string {
	clauses := []string{"close 8001", "once", "reset any revoke", "per /24 /64 close 8002"}
	policy := "size 8\n"
	for i := range knocks {
		clause := "grant 1s"
		if i < len(clauses) {
			clause = "grant " + grant + " " + clauses[i]
		}
		policy += fmt.Sprintf("knock k%d < %d %d -> 22 %s >\n", i, 1001+i, 2001+i, clause)
	}
	return policy
}

func (h *host) guardsNothing(when string) {
	h.Helper()
	for _, set := range h.status().Sets {
		if strings.HasPrefix(set.Name, "doors") && set.Elements > 0 || strings.HasPrefix(set.Name, "grants") && set.Elements > 0 {
			out, _ := h.Nft("list", "set", "inet", "knockc", set.Name)
			h.Fatalf("%s: left are\n%s", when, out)
		}
	}
}

// source is one of its own for each number.
func source(n int, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, byte(n >> 8), byte(n), 15: 7})
	}
	return netip.AddrFrom4([4]byte{100, byte(n >> 8), byte(n), 7})
}

// TestNothingLeftOnKernel: long grants that are given and ended, by hand or by the rules,
// leave no element in any set. There is room for eight.
func TestNothingLeftOnKernel(t *testing.T) {
	for _, grant := range []string{"forever", "1h"} {
		t.Run(grant, func(t *testing.T) { nothingIsLeft(t, grant) })
	}
}

func nothingIsLeft(t *testing.T, grant string) {
	h := newHost(t)
	table := h.apply(crowded(10, grant))
	for i := range 1000 {
		knock, src := i%4, source(i, i%3 == 0)
		name := fmt.Sprint("k", knock)
		if _, err := h.live.Grant(table, name, src, 0); err != nil {
			t.Fatalf("grant %d: %v", i, err)
		}
		byRules := i%250 < 4
		if byRules && !h.attempt(src, netns.TCP, 22) {
			t.Fatalf("grant %d: the door is shut", i)
		}
		switch {
		case byRules && knock != 1: // that is for once
			h.attempt(src, netns.TCP, map[int]uint16{0: 8001, 2: 9999, 3: 8002}[knock])
		case byRules:
		case i%2 == 0:
			if ended, err := h.live.Revoke(table, name, netip.PrefixFrom(src, src.BitLen())); err != nil || len(ended) != 1 {
				t.Fatalf("revoke %d: %v, %v", i, ended, err)
			}
		default:
			if _, err := h.live.Revoke(table, "", netip.Prefix{}); err != nil {
				t.Fatalf("revoke %d: %v", i, err)
			}
		}
		if byRules || i%10 == 0 {
			h.guardsNothing(fmt.Sprint(i))
		}
		if i%250 == 4 {
			time.Sleep(1200 * time.Millisecond) // the kernel frees the places of what rules have deleted each second
		}
	}
}

// TestLongerThanRulesOnKernel: a grant by hand that lasts longer than the rules would have
// it is found as long as it lasts, and leaves nothing for long.
func TestLongerThanRulesOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(crowded(10, "forever"))
	grant := func(knock string, src netip.Addr, lasts time.Duration) {
		t.Helper()
		if _, err := h.live.Grant(table, knock, src, lasts); err != nil {
			t.Fatal(err)
		}
	}
	for lasts := 4 * time.Second; ; lasts *= 2 {
		granted := time.Now()
		grant("k5", src4, lasts)
		grant("k6", src4, 0)
		for _, port := range []uint16{1008, 2008} { // another door, for a second
			h.attempt(src4, netns.TCP, port)
		}
		time.Sleep(2500 * time.Millisecond)
		found := h.attempt(src4, netns.TCP, 22)
		if late := time.Since(granted) >= lasts; late && lasts < time.Minute {
			continue // other work keeps the machine busy
		}
		if !found {
			t.Error("the longer grant is not found")
		}
		time.Sleep(time.Until(granted.Add(lasts + 200*time.Millisecond)))
		break
	}
	if h.attempt(src4, netns.TCP, 22) {
		t.Error("the longer grant has not ended")
	}
	for i := range 50 {
		grant("k5", source(i, false), lang.Forever)
		h.live.Revoke(table, "k5", netip.Prefix{})
	}
	h.guardsNothing("all revoked")
}

// TestTwoDoorsOnKernel: as long as one door is open for a source, its element of the guard
// stays, whichever is shut.
func TestTwoDoorsOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(crowded(10, "forever"))
	for _, shut := range []string{"k0", "k2"} {
		for _, knock := range []string{"k0", "k2"} {
			if _, err := h.live.Grant(table, knock, src6, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.live.Revoke(table, shut, netip.Prefix{}); err != nil {
			t.Fatal(err)
		}
		if !h.attempt(src6, netns.TCP, 22) {
			t.Errorf("%s was revoked, and so is the other", shut)
		}
		if _, err := h.live.Revoke(table, "", netip.Prefix{}); err != nil {
			t.Fatal(err)
		}
		h.guardsNothing("all revoked")
	}
}

// TestCrowdedByEditOnKernel: open doors stay open when so many knocks come to guard their
// port that the rules ask a guard first, and when they go again.
func TestCrowdedByEditOnKernel(t *testing.T) {
	h := newHost(t)
	few := strings.Replace(crowded(7, "forever"), "grant 1s", "grant 1h", 1)
	many := strings.Replace(crowded(10, "forever"), "grant 1s", "grant 1h", 1)
	table := h.apply(few)
	for _, knock := range []string{"k0", "k4"} {
		for _, src := range []netip.Addr{src4, src6} {
			if knock == "k4" {
				src = src.Next()
			}
			if _, err := h.live.Grant(table, knock, src, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, policy := range []string{many, few, many} {
		h.apply(policy)
		for _, src := range []netip.Addr{src4, src6, src4.Next(), src6.Next()} {
			if !h.attempt(src, netns.TCP, 22) {
				t.Errorf("the door of %s is shut with\n%s", src, policy)
			}
		}
	}
	if _, err := h.live.Revoke(h.table("knockc"), "", netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	out, err := h.Nft("list", "set", "inet", "knockc", "doors4")
	if err != nil || strings.Contains(strings.ReplaceAll(out, "expires", ""), "elements") && !strings.Contains(out, "expires") {
		t.Errorf("%v, left are\n%s", err, out)
	}
}

// TestCrowdedByScriptOnKernel: if nft loads the rules that ask a guard first, the status says
// which doors they do not find, until the policy is applied.
func TestCrowdedByScriptOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(crowded(8, "1h"))
	for knock, src := range map[string]netip.Addr{"k0": src4, "k2": src6} { // k2 has `revoke`, so the guard knows it
		if _, err := h.live.Grant(table, knock, src, 0); err != nil {
			t.Fatal(err)
		}
	}
	unfound := func(want string) {
		t.Helper()
		if got := strings.Join(h.status().Unfound, " "); got != want {
			t.Errorf("not found are %q, want %q", got, want)
		}
	}
	unfound("")
	h.script(crowded(9, "1h"))
	unfound("k0")
	h.apply(crowded(9, "1h"))
	unfound("")
}

// TestCrowdedByRollbackOnKernel: what was opened while the rules on trial asked no guard is
// open when those are back that do, and what was shut leaves nothing.
func TestCrowdedByRollbackOnKernel(t *testing.T) {
	h := newHost(t)
	table := h.apply(crowded(10, "forever"))
	if _, err := h.live.Grant(table, "k0", src6, 0); err != nil {
		t.Fatal(err)
	}
	host := live.NewHost(live.MonotonicClock{})
	defer host.Close()
	err := h.Do(func() error {
		_, err := host.Apply(compile(t, crowded(7, "forever")).Ruleset, live.Options{Confirm: time.Minute, Rollback: []string{"true"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	table = h.table("knockc")
	if _, err := h.live.Revoke(table, "", netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.live.Grant(table, "k1", src4, 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Do(func() error { return host.Rollback("knockc") }); err != nil {
		t.Fatal(err)
	}
	if !h.attempt(src4, netns.TCP, 22) {
		t.Error("the door that was opened is shut")
	}
	h.guardsNothing("shut on trial, and used once")
}
