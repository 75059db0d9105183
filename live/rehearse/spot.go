//go:build linux

package rehearse

import (
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/internal/nftrace"
)

// spot is where a rule has to stand to let a packet through that a table stops, and to let
// nothing else through: in the base chain, since others may be a part of several, and as late
// as possible, since rules before it may keep others out.
type spot struct {
	of    *table
	chain string
	index int // of the rule that the new one comes before; -1: at the end
}

// stopIn is the event that kept a packet from going on; -1 if none did.
func stopIn(events []nftrace.Event) int {
	for i, e := range slices.Backward(events) {
		if e.Verdict == nftrace.Drop && (e.Kind == nftrace.Policy || e.Kind == nftrace.Rule) {
			return i
		}
	}
	return -1
}

// spotBefore is the spot for a packet that the event i stops.
func (b *book) spotBefore(events []nftrace.Event, i int) spot {
	stop := events[i]
	of := b.table(stop.Table)
	leads := func(is func(nftrace.Event) bool) bool { // goes back to such an event
		for j := i - 1; j >= 0; j-- {
			if events[j].Kind == nftrace.Rule && events[j].Table == stop.Table && is(events[j]) {
				i = j
				return true
			}
		}
		return false
	}
	if stop.Kind == nftrace.Policy {
		around := leads(func(e nftrace.Event) bool {
			return e.Name == stop.Name && (e.Verdict == nftrace.Goto || e.Verdict == nftrace.Return)
		})
		if !around {
			return spot{of, stop.Name, -1}
		}
	}
	for !of.isBase(events[i].Name) && leads(func(e nftrace.Event) bool { return e.To == events[i].Name }) {
	}
	_, index := b.Rule(events[i])
	return spot{of, events[i].Name, max(index, 0)}
}

func (t *table) isBase(chain string) bool {
	if t.iptables != "" {
		return !strings.Contains(t.text, "\n:"+chain+" - ")
	}
	return strings.Contains(t.text, "\tchain "+chain+" {\n\t\ttype ")
}

// nft is the command that makes a rule with a condition.
func (s spot) nft(condition string) string {
	how, before := "insert", fmt.Sprintf("index %d ", s.index)
	switch s.index {
	case -1:
		how, before = "add", ""
	case 0:
		before = ""
	}
	return fmt.Sprintf("nft %s rule %s %s %s %s%s accept", how, s.of.family, s.of.name, s.chain, before, condition)
}

func (s spot) iptables(condition string) string {
	how := fmt.Sprintf("-I %s %d", s.chain, s.index+1)
	if s.index < 0 {
		how = "-A " + s.chain
	}
	return fmt.Sprintf("%s -t %s %s %s -j ACCEPT", strings.TrimSuffix(s.of.iptables, "-nft"), s.of.name, how, condition)
}
