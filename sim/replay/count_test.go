package replay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"knockc/lang/trace"
	"knockc/sim/replay"
)

// TestCount: packets that are only counted get the verdicts that they get one by one.
func TestCount(t *testing.T) {
	var all replay.Counts
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 4))
		pick := func(words ...string) string { return words[r.IntN(len(words))] }
		policy := pick("", "default drop\n") + pick("", "refuse reject\n") + pick("", "trust lan0\n") + pick("", "open 80 22 from 192.0.2.0/25\n") +
			"knock a < 1000 ping 2000 -> 22 " + pick("", "once ", "reset any ") + ">\n" +
			"knock b < 1000 udp/1001 -> 445 at 10.0.0.0/24 " + pick("", "once ", "reset known ") + ">\n"
		var text strings.Builder
		for range 300 {
			ports := pick("1000", "2000", "22", "22 ack", "22 rst", "80", "ping", "udp/1001", "445", "1-3 every 1ms reverse", "udp/1000-1001 every 2ms")
			fmt.Fprintf(&text, "+%dms 192.0.2.%s%s -> %s%s%s%s\n", r.IntN(1500), pick("7", "200"), pick("", ":5", ":6"), ports,
				pick("", "", " to 10.0.0.5", " to 10.0.1.5"), pick("", "", " unanswered"), pick("", "", " on lan0"))
		}
		result, events := compileBoth(t, []byte(policy), []byte(text.String()))
		var want replay.Counts
		one, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes(one, events) {
			switch trace.Verdict(o.Got) {
			case trace.Accept:
				want.Accepted++
			case trace.Pass:
				want.Passed++
			case trace.Drop:
				want.Dropped++
			case trace.Reject:
				want.Rejected++
			}
		}
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		got, err := player.Count(replay.FromTrace(trace.NewReader(strings.NewReader(text.String()))), func(int) {})
		if err != nil || got != want {
			t.Errorf("seed %d: %+v, want %+v; %v", seed, got, want, err)
		}
		all.Accepted, all.Passed = all.Accepted+got.Accepted, all.Passed+got.Passed
		all.Dropped, all.Rejected = all.Dropped+got.Dropped, all.Rejected+got.Rejected
	}
	if min(all.Accepted, all.Passed, all.Dropped, all.Rejected) < 100 {
		t.Errorf("too few of some kind: %+v", all)
	}
}

// TestCountEnds: packets of which anything is expected are not only counted.
func TestCountEnds(t *testing.T) {
	result, _ := compileBoth(t, []byte("knock a < 1000 -> 22 >"), nil)
	for _, line := range []string{"192.0.2.7 -> 80 => pass", "192.0.2.7:5 -> 80 answered", "expect a open for 192.0.2.7"} {
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		text := "0s 192.0.2.7 -> 80\n0s " + line + "\n"
		if c, err := player.Count(replay.FromTrace(trace.NewReader(strings.NewReader(text))), func(int) {}); err != replay.ErrExpects || c.Packets() != 1 {
			t.Errorf("%s: %+v, %v", line, c, err)
		}
	}
}
