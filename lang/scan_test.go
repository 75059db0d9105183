package lang

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestScans holds what is said of port scans against scans sent packet by
// packet, to random knocks of few ports, so that they repeat and lie close.
func TestScans(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	said := 0
	for range 200 {
		text := randomKnock(r, "a") + randomKnock(r, "b") + "open 1002-1004 udp/30001\n"
		policy, found := Parse([]byte(text))
		if HasErrors(found) {
			t.Fatal(rendered(found, text))
		}
		c := newChecker(policy)
		k := policy.Knocks[0]
		if len(k.Steps) < 2 {
			continue
		}
		descending := r.IntN(2) == 0
		scans, rate := c.scan(k, descending)
		if scans == 0 {
			if n := bruteScan(c, k, descending, len(k.Steps)+2, 1<<30); n != 0 {
				t.Errorf("%sopens to %d scans (descending %v), it is said to none", text, n, descending)
			}
			continue
		}
		said++
		if n := bruteScan(c, k, descending, scans, rate); n != scans {
			t.Errorf("%sopens to %d scans at %d (descending %v), said %d", text, n, rate, descending, scans)
		}
		if n := bruteScan(c, k, descending, scans-1, 1<<30); n != 0 {
			t.Errorf("%sopens to %d scans (descending %v), said %d", text, n, descending, scans)
		}
		if rate > 1 {
			if n := bruteScan(c, k, descending, scans, rate-1); n != 0 {
				t.Errorf("%sopens to %d scans at less than %d (descending %v)", text, n, rate, descending)
			}
		}
	}
	if said < 50 {
		t.Errorf("only %d of the knocks open to scans", said)
	}
}

// randomKnock is the text of a knock.
func randomKnock(r *rand.Rand, name string) string {
	port := func() string {
		text := fmt.Sprint([]int{1000, 1001, 1002, 1005, 30000, 65535}[r.IntN(6)])
		if r.IntN(8) == 0 {
			return "udp/" + text
		}
		return text
	}
	text := "knock " + name + " <"
	for range 1 + r.IntN(4) {
		text += " " + port()
	}
	text += " -> 1006-1010 2000"
	if r.IntN(3) == 0 {
		text += fmt.Sprintf(" within %ds", 1+r.IntN(9))
	}
	if r.IntN(3) == 0 {
		text += fmt.Sprintf(" total %ds", 3+r.IntN(20))
	}
	text += []string{"", "", " reset known", " reset any"}[r.IntN(4)]
	if r.IntN(3) == 0 {
		text += " close " + port()
		if r.IntN(2) == 0 {
			text += " " + port()
		}
	}
	return text + " >\n"
}

// bruteScan sends scans packet by packet, and says in which the door opened, or
// 0. It is the language's meaning again, without any short cut.
func bruteScan(c *checker, k *Knock, descending bool, scans, rate int) int {
	protos := []Proto{k.Steps[0].Proto}
	for _, s := range k.Steps {
		if s.Proto != protos[0] {
			protos = []Proto{TCP, UDP}
		}
	}
	const never = -1 << 30
	open := make([]int, len(k.Steps)) // the packet that did each step
	closing := make([]int, len(k.Close))
	first := [2]int{never, never}
	forget := func(done []int) {
		for i := range done {
			done[i] = never
		}
	}
	forget(open)
	forget(closing)
	now := 0 // in packets
	less := func(packets int, limit time.Duration) bool {
		return float64(packets)*1e9 < float64(limit)*float64(rate)
	}
	within := func(since int) bool { return since != never && less(now-since, k.Within) }
	total := func(since int) bool { return k.Total == 0 || less(now-since, k.Total) }
	for scan := range scans {
		for n := range 65535 * len(protos) {
			place := n
			if descending {
				place = 65535*len(protos) - 1 - n
			}
			packet := Step{Proto: protos[place%len(protos)], Port: uint16(place/len(protos) + 1)}
			now++
			wrongOpen, wrongClose := bruteWrong(c, k, packet, within, open, closing)
			if wrongOpen {
				forget(open)
			}
			if wrongClose {
				forget(closing)
			}
			closed := bruteMove(k.Close, packet, now, within, total(first[1]), closing)
			if closed {
				forget(open)
			}
			opened := bruteMove(k.Steps, packet, now, within, total(first[0]), open)
			for i, steps := range [][]Step{k.Steps, k.Close} {
				if len(steps) > 0 && steps[0].Proto == packet.Proto && steps[0].Port == packet.Port {
					first[i] = now
				}
			}
			if opened && !closed {
				return scan + 1
			}
		}
	}
	return 0
}

// bruteMove moves a sequence and reports whether it came to its end.
func bruteMove(steps []Step, packet Step, now int, within func(int) bool, inTotal bool, done []int) (whole bool) {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Proto != packet.Proto || steps[i].Port != packet.Port {
			continue
		}
		if i > 0 && !(within(done[i-1]) && inTotal) {
			continue
		}
		if i == len(steps)-1 {
			whole = true
		} else {
			done[i] = now
		}
	}
	return whole
}

// bruteWrong reports for which of the sequences a packet is wrong.
func bruteWrong(c *checker, k *Knock, packet Step, within func(int) bool, open, closing []int) (wrongOpen, wrongClose bool) {
	at := func(steps []Step) bool {
		for _, s := range steps {
			if s.Proto == packet.Proto && s.Port == packet.Port {
				return true
			}
		}
		return false
	}
	known := false
	for _, other := range c.policy.Knocks {
		known = known || at(other.Steps) || at(other.Close)
	}
	if k.Reset.Mode == ResetNone || k.Reset.Mode == ResetKnown && !known {
		return false, false
	}
	for _, s := range append(c.policy.Settings.OpenToAll(), k.Services...) {
		if s.Has(packet.Proto, packet.Port) {
			return false, false
		}
	}
	next := func(done []int) int { // the steps up to the one that comes next
		n := 1
		for i, since := range done {
			if within(since) {
				n = i + 2
			}
		}
		return min(n, len(done))
	}
	return !at(k.Steps[:next(open)]) && !at(k.Close), !at(k.Close[:next(closing)]) && !at(k.Steps)
}
