package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// reloader loads policies into one host, over each other.
type reloader struct {
	*testing.T
	*netns.Host
}

func newReloader(t *testing.T) reloader { return reloader{t, netns.New(t, "eth0")} }

func (r reloader) load(policy string) {
	r.Helper()
	p, err := newPair("policy", policy, nil)
	if err != nil {
		r.Fatal(err)
	}
	if err := r.Load(script(r.T, p.result)); err != nil {
		r.Fatalf("%v\nwhen this is loaded over others:\n%s", err, policy)
	}
}

// visitor is a source of its own for each number.
func (r reloader) visitor(n uint32) visitor { return visitor{r.T, r.Host, someone(n)} }

// knocks sends attempts at steps, which are left to the rest of the host.
func (v visitor) knocks(steps ...uint16) {
	v.t.Helper()
	for _, port := range steps {
		v.wants(port, true)
	}
}

// TestReloadOnKernel loads the example again and again, over itself: the listing
// stays the same, and so does an open door.
func TestReloadOnKernel(t *testing.T) {
	r := newReloader(t)
	policy := readFile(t, "../testdata/policies/ssh.knock")
	r.load(policy)
	first := r.listing()
	v := r.visitor(1)
	for _, port := range []uint16{10000, 2345, 3456} {
		v.knocks(port)
		r.load(policy)
	}
	v.wants(22, false)
	v.knocks(1234)
	r.load(policy)
	if again := r.listing(); again != first {
		t.Errorf("words listed after the first load:\n%s\nand later:\n%s", first, again)
	}
	v.wants(22, true)
}

// listing is what nft lists, word by word: the kernel lists maps and chains in any
// order. What changes with the packets is left out. That is the comment in which newer nft
// says how many elements there are, too.
func (r reloader) listing() string {
	r.Helper()
	text, err := r.Nft("--stateless", "--terse", "list", "ruleset")
	if err != nil {
		r.Fatal(err)
	}
	words := strings.Fields(regexp.MustCompile(`# count \d+`).ReplaceAllString(text, ""))
	slices.Sort(words)
	return strings.Join(words, "\n")
}

// TestReloadNeighboursOnKernel: whatever becomes of knock b, who has got how far with
// a stays there, and nothing of an older b is left to a later one.
func TestReloadNeighboursOnKernel(t *testing.T) {
	const a = "knock a < 1001 1002 1003 -> 2001 grant 1m >\n"
	const b = "knock b < 1001 1004 1005 -> 2002 grant 1m >\n"
	for name, edited := range map[string]string{
		"last step":  "knock b < 1001 1004 1006 -> 2002 grant 1m >",
		"first step": "knock b < 1006 1004 1005 -> 2002 grant 1m >",
		"one more":   "knock b < 1001 1004 1005 1006 -> 2002 grant 1m >",
		"service":    "knock b < 1001 1004 1005 -> 2003 grant 1m >",
		"clauses":    "knock b < 1001 1004 1005 -> 2002 grant 1m once reset any per /24 /64 >",
		"for ever":   "knock b < 1001 1004 1005 -> 2002 grant forever >",
		"elsewhere":  "knock b < 1001 1004 1005 -> 2002 grant 1m at 192.0.2.0/24 >",
		"renamed":    "knock c < 1001 1004 1005 -> 2002 grant 1m >",
		"same port":  "knock c < 1001 1004 1006 -> 2001-2002 grant 1s per /24 /64 reset any revoke >",
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloader(t)
			r.load(a)
			guest, knocker := r.visitor(1), r.visitor(2)
			guest.knocks(1001, 1002, 1003)
			knocker.knocks(1001, 1002)

			r.load(a + b)
			other, late := r.visitor(3), r.visitor(4)
			other.knocks(1001, 1004, 1005)
			other.wants(2002, true)
			late.knocks(1001, 1004)

			r.load(a + edited)
			guest.wants(2001, true)
			other.refused(2002, 2003) // the door of the old one is gone
			late.knocksAtAny(1005, 1006)
			late.refused(2002, 2003) // so are the steps done for it
			r.load(a)
			guest.wants(2001, true)
			knocker.knocks(1003)
			knocker.wants(2001, true)
		})
	}
}

// refused looks at ports which may be guarded or not by now: what is not, answers to
// everyone.
func (v visitor) refused(ports ...uint16) {
	v.t.Helper()
	stranger := visitor{v.t, v.h, netip.MustParseAddr("203.0.113.9")}
	for _, port := range ports {
		if !stranger.accepted(port) {
			v.wants(port, false)
		}
	}
}

func (v visitor) knocksAtAny(ports ...uint16) {
	v.t.Helper()
	for _, port := range ports {
		v.accepted(port)
	}
}

// TestReloadLogOnKernel: of a knock, only its log can be edited without beginning
// again.
func TestReloadLogOnKernel(t *testing.T) {
	r := newReloader(t)
	r.load("knock a < 1001 1002 -> 2001 within 20s grant 1m >")
	open, further := r.visitor(1), r.visitor(2)
	open.knocks(1001, 1002)
	further.knocks(1001)
	r.load("knock a < 1001 1002 -> 2001 within 20s grant 1m log >")
	open.wants(2001, true)
	further.knocks(1002)
	further.wants(2001, true)
}

// TestReloadGuardsOnKernel: older rules have put nothing into a guard that only the new ones
// ask. So a ninth knock at a port shuts the doors to it, and with a seventeenth that has a
// `reset`, nothing resets the steps that were done before.
func TestReloadGuardsOnKernel(t *testing.T) {
	r := newReloader(t)
	some := func(n int) (policy string) {
		for i := range n {
			policy += fmt.Sprintf("knock k%d < %d 1999 -> 2001 within 20s grant 1m >\n", i, 1001+i)
		}
		return policy
	}
	r.load(some(8))
	v := r.visitor(1)
	v.knocks(1001, 1999)
	v.wants(2001, true)
	r.load(some(9))
	v.wants(2001, false)
	v.knocks(1999) // its progress is there
	v.wants(2001, true)

	resets := func(n int) string { return strings.ReplaceAll(some(n), "2001", "2001 reset any") }
	for from, reset := range map[int]bool{15: true, 16: false, 17: true} {
		r.load("knock k < 3001 3002 -> 2003 >")
		r.load(resets(from))
		v := r.visitor(uint32(from))
		v.knocks(1001)
		r.load(resets(from + 1))
		v.knocks(3003, 1999)
		v.wants(2001, !reset)
	}
}

// older is a table that an older version might have left: other sizes and another
// priority, chains and counters that are not named any more.
const older = `
table inet knockc {
	counter ssh_knocks { packets 5 bytes 300 }
	set first4 {
		type ipv4_addr . mark
		size 1000
		flags dynamic,timeout
		timeout 7s
		elements = { 192.0.2.1 . 0x1 timeout 1h }
	}
	chain tcp_9999 {
		update @first4 { ip saddr . 0x1 timeout 5s }
		counter name "ssh_knocks" drop
	}
	chain guard {
		type filter hook input priority -300; policy accept;
		tcp dport 9999 goto tcp_9999
	}
}`

// TestReloadAnythingOnKernel loads random policies over an older table and over one
// another. Each load works, and nothing of the older rules is left in use.
func TestReloadAnythingOnKernel(t *testing.T) {
	r := newReloader(t)
	if err := r.Load(older); err != nil {
		t.Fatal(err)
	}
	last := ""
	for seed := range 60 {
		last = policies.Example(seed)
		r.load(last)
	}
	fresh := newReloader(t)
	fresh.load(last)
	want := fresh.rules()
	for chain, rules := range r.rules() {
		if rules != want[chain] {
			t.Errorf("chain %s has\n%s\nand in a new table\n%s", chain, rules, want[chain])
		}
	}
}

// rules are the rules of each chain, as listed.
func (r reloader) rules() map[string]string {
	r.Helper()
	text, err := r.Nft("--stateless", "list", "ruleset")
	if err != nil {
		r.Fatal(err)
	}
	rules, chain := map[string]string{}, ""
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "\tchain "); ok {
			chain = strings.TrimSuffix(strings.TrimSpace(name), " {")
		} else if strings.HasPrefix(line, "\t\t") && chain != "" {
			rules[chain] += sortedWords(line)
		} else {
			chain = ""
		}
	}
	return rules
}

func sortedWords(line string) string {
	words := strings.Fields(strings.ReplaceAll(line, ",", " "))
	slices.Sort(words)
	return strings.Join(words, " ") + "\n"
}

// TestListingsOnKernel: what nft lists of random policies, with elements in the sets,
// can be loaded again, as administrators do who save what is loaded.
func TestListingsOnKernel(t *testing.T) {
	for seed := range 40 {
		r := newReloader(t)
		r.load(policies.Example(seed))
		r.visitor(1).knocksAtAny(firstStep, firstStep+1, firstStep+2, firstStep+3, lastStep)
		first := r.listing()
		saved, err := r.Nft("list", "ruleset")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Load("flush ruleset\n" + saved); err != nil {
			t.Fatalf("%v\nwhen this is loaded:\n%s", err, saved)
		}
		if again := r.listing(); again != first {
			t.Errorf("words listed first:\n%s\nand then:\n%s", first, again)
		}
	}
}
