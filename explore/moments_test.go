package explore

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestAllMoments compares a search with one that takes no two states as one, and in which a
// packet may come every eighth of a second: it reaches no state that the search does not.
func TestAllMoments(t *testing.T) {
	for _, text := range []string{
		"knock a < 1 2 -> 22 within 1s grant 2s >",
		"knock a < 1 2 3 -> 22 within 1s total 2s grant 3s >",
		"knock a < 1 -> 22 within 1s grant 1s > knock b < 1 2 -> 23 within 1s grant 2s once >",
	} {
		policy, _ := lang.Examine([]byte(text))
		result, found := compiler.Compile(policy)
		if result == nil {
			t.Fatal(found)
		}
		s := &Search{Hosts: hosts(t, result), Src: netip.MustParseAddr("192.0.2.7"), Knocks: []string{"a"}, Limit: 1_000_000}
		for _, k := range policy.Knocks {
			s.Durations = append(s.Durations, timesOf(k)...)
		}
		for _, port := range []uint16{1, 2, 3, 22, 23} {
			s.Packets = append(s.Packets, trace.Packet{Src: s.Src, DstPort: port, Flags: lang.SYN})
		}
		r := s.begin()
		r.run(t.Context())
		if !r.found.Whole {
			t.Fatalf("%s: %+v", text, r.found)
		}
		r.Hosts = hosts(t, result)
		states, missing := everyEighth(r)
		t.Logf("%s: %d states, %d of them taken as different", text, states, r.found.States)
		if missing > 0 {
			t.Errorf("%s: %d are like none that the search has seen", text, missing)
		}
	}
}

func hosts(t *testing.T, r *compiler.Result) []Host {
	t.Helper()
	rules, err := Rules(r)
	if err != nil {
		t.Fatal(err)
	}
	return []Host{Meaning(r.Policy), rules}
}

// everyEighth returns how many states there are, and how many a search has not seen.
func everyEighth(r *running) (states, missing int) {
	const step = time.Second / 8
	seen := map[string]bool{}
	var open []*node
	add := func(from *node, packet int, at time.Duration) {
		now := r.moments.at(r.Hosts, at)
		if exact := fmt.Sprint(now); !seen[exact] {
			seen[exact] = true
			open = append(open, r.node(from, packet, at, 0))
			if !r.seen[r.moments.key(now)+"\x00"] {
				missing++
			}
		}
	}
	add(nil, timePassed, 0)
	for len(open) > 0 {
		n := open[0]
		open = open[1:]
		for i := range r.Packets {
			r.restore(n)
			for _, h := range r.Hosts {
				p := r.Packets[i]
				h.Packet(n.at, &p)
			}
			add(n, i, n.at)
		}
		r.restore(n)
		add(n, timePassed, n.at+step)
	}
	return len(seen), missing
}
