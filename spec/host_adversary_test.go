package spec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/codes"
	"example.org/knockc/internal/netns"
)

// adversary is a host with codes that someone watches who has seen each datagram.
type adversary struct {
	*testing.T
	*netns.Host
	script string
	random *rand.Rand
	seen   []netns.Packet
	others uint32 // sources of his own
}

func newAdversary(t *testing.T, policy string) *adversary {
	t.Helper()
	p, err := newPair("policy", policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &adversary{T: t, Host: netns.New(t, "eth0", "wg7"), script: script(t, p.result), random: rand.New(rand.NewPCG(1, 2))}
	a.load()
	return a
}

func (a *adversary) load() {
	a.Helper()
	if err := a.Load(a.script); err != nil {
		a.Fatal(err)
	}
}

// give loads codes of a knock, and returns the payloads that a client sends.
func (a *adversary) give(knock string, first, n int) (payloads []string) {
	a.Helper()
	var elements strings.Builder
	for period := range n {
		mac := testKey.Of(knock, int64(first+period))
		payloads = append(payloads, string(mac[:]))
		fmt.Fprintf(&elements, "0x%x timeout 1h,\n", mac[:codes.Size])
	}
	if err := a.Load(fmt.Sprintf("add element inet knockc %s_codes {\n%s}\n", knock, elements.String())); err != nil {
		a.Fatal(err)
	}
	return payloads
}

// client sends a datagram, which the adversary sees.
func (a *adversary) client(p netns.Packet) {
	a.Helper()
	a.seen = append(a.seen, p)
	a.send(p)
}

func (a *adversary) send(p netns.Packet) {
	a.Helper()
	if _, err := a.Send(p); err != nil {
		a.Fatal(err)
	}
}

func (a *adversary) opened(knock string) int {
	a.Helper()
	return counterOf(a.T, a.Host, "knockc", knock+"_opened")
}

// codeFrom is a datagram to the step.
func codeFrom(src uint32, payload string) netns.Packet {
	return netns.Packet{Src: someone(src), Proto: netns.UDP, DstPort: 62201, Payload: payload}
}

// replay sends all that was seen again in some order, from a source of his own.
func (a *adversary) replay(order []int) {
	a.Helper()
	a.others++
	for _, i := range order {
		p := a.seen[i]
		p.Src = numbered(100, a.others)
		a.send(p)
	}
}

// TestAdversaryOnKernel: whoever has seen all datagrams of the clients gets in by none of
// them: in no order, at once or later, over a reload, doubled, cut, moved or with more after
// the code, whether or not they had opened a door. Nor does whoever guesses.
func TestAdversaryOnKernel(t *testing.T) {
	a := newAdversary(t, `knock ssh < otp/62201 -> 22 key "k" grant 1h from 192.0.0.0/8 100.0.0.0/8 >
		knock vpn < 7000 otp/62201 -> 443 key "k" grant 1h within 1h >`)
	ssh, vpn := a.give("ssh", 0, 2), a.give("vpn", 0, 3)
	for i, payload := range ssh {
		src := uint32(i + 1)
		a.client(codeFrom(src, payload))
		if i == 0 {
			a.client(netns.Packet{Src: someone(src), Proto: netns.TCP, DstPort: 7000, Flags: netns.SYN})
			a.client(codeFrom(src, vpn[0]))
		}
	}
	a.client(codeFrom(9, vpn[1])) // too early in its sequence
	outside := codeFrom(0, vpn[2])
	outside.Src = numbered(10, 1)
	a.client(outside)
	if ssh, vpn := a.opened("ssh"), a.opened("vpn"); ssh != 2 || vpn != 1 {
		t.Fatalf("the clients opened %d and %d doors, want 2 and 1", ssh, vpn)
	}

	sent := 0
	for _, later := range []bool{false, true} {
		if later {
			a.load()
			if err := a.ForgetFlows(); err != nil {
				t.Fatal(err)
			}
		}
		for order := range orders(len(a.seen)) {
			a.replay(order)
			sent += len(order)
		}
	}
	for _, p := range a.seen {
		for range 1000 {
			forged := p
			forged.Src = someone(1 + a.random.Uint32N(9)) // that of a client
			switch n := a.random.IntN(4); {
			case p.Payload == "":
			case n == 0:
				forged.Payload = p.Payload[:a.random.IntN(codes.Size)]
			case n == 1:
				forged.Payload = p.Payload[a.random.IntN(codes.Size):]
			case n == 2:
				forged.Payload = p.Payload[:codes.Size] + "more"
			}
			a.send(forged)
			sent++
		}
	}
	const guesses = 1_000_000
	guessed, err := a.Flood(func(yield func(netns.Packet) bool) {
		var guess [codes.Size]byte
		for i := range guesses {
			for j := range guess {
				guess[j] = byte(a.random.Uint32())
			}
			p := codeFrom(0, string(guess[:]))
			p.Src = numbered(100, uint32(i%60000))
			if !yield(p) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	in := a.opened("ssh") - 2 + a.opened("vpn") - 1
	t.Logf("%d datagrams replayed, %d guessed: %d got in", sent, guessed, in)
	if in != 0 || guessed != guesses {
		t.Errorf("%d doors were opened", in)
	}
	a.client(codeFrom(1, a.give("ssh", 99, 1)[0]))
	if a.opened("ssh") != 3 {
		t.Error("after all this, a code does not open")
	}
}

// orders are all orders of n things.
func orders(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		var from func(at int) bool
		from = func(at int) bool {
			if at == n {
				return yield(order)
			}
			for i := at; i < n; i++ {
				moved := slices.Clone(order)
				order[at], order[i] = order[i], order[at]
				if !from(at + 1) {
					return false
				}
				copy(order, moved)
			}
			return true
		}
		from(0)
	}
}

// TestRaceForCodeOnKernel measures how often a code opens for two who send it in the very
// same instant, on two CPUs: the rule looks the code up before it takes it out.
func TestRaceForCodeOnKernel(t *testing.T) {
	const codes = 20_000
	a := newAdversary(t, `knock ssh < otp/62201 -> 22 key "k" grant 1h >`)
	for i, payload := range a.give("ssh", 0, codes) {
		left, right := codeFrom(uint32(2*i), payload), codeFrom(uint32(2*i+1), payload)
		right.Iface, left.Iface = "wg7", "eth0"
		if err := a.Race(left, right); err != nil {
			t.Fatal(err)
		}
	}
	opened := a.opened("ssh")
	t.Logf("%d codes, each sent by two at the same instant: %d opened for both", codes, opened-codes)
	if opened < codes || opened > codes+codes/10 {
		t.Errorf("%d doors opened", opened)
	}
}
