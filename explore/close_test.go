package explore_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/explore"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestOwnClose holds what the checker says of a knock that does its own `close` sequence
// against the rules: a door of which it says nothing opens to the steps alone, another one
// does not, and one that it says no knock opens, opens to no packets at all.
func TestOwnClose(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	for range 1500 {
		text := drawOwnClose(r)
		_, found := lang.Examine([]byte(text))
		if lang.HasErrors(found) {
			continue
		}
		says := "nothing"
		if i := slices.IndexFunc(found, func(f lang.Finding) bool { return f.Code == lang.CodeOwnClose }); i >= 0 {
			says = strings.Fields(found[i].Message)[0]
		}
		count[says]++
		result := compile(t, text)
		if opens := opensToSteps(t, result); opens != (says == "nothing") {
			t.Errorf("%s\nthe checker says %s, and the steps open the door: %t", text, says, opens)
		}
		if says == "no" {
			if way := opensToAnything(t, result); way != nil {
				t.Errorf("%s\nopens to %s", text, textOf(way))
			}
		}
	}
	if t.Log(count); count["no"] < 50 || count["a"] < 50 || count["nothing"] < 50 {
		t.Error("too few of a kind")
	}
}

// drawOwnClose draws a policy whose two sequences are often alike.
func drawOwnClose(r *rand.Rand) string {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	var steps, closing []string
	for range 1 + r.IntN(4) {
		steps = append(steps, one("7001", "7001", "9002", "udp/8003", "ping", "ping/20"))
	}
	for _, s := range steps {
		switch {
		case s == "ping/20" && r.IntN(2) == 0:
			closing = append(closing, "ping")
		case r.IntN(8) == 0:
			closing = append(closing, one("6004", "ping", "ping/30"))
		case r.IntN(3) > 0:
			closing = append(closing, s)
		}
	}
	if len(closing) == 0 {
		closing = steps
	}
	return fmt.Sprintf("knock a < %s -> 22 %s %s %s close %s >", strings.Join(steps, " "),
		one("", "within 1s", "within 4s"), one("", "", "total 1s", "total 2s", "total 3s"), one("", "reset any", "reset known"), strings.Join(closing, " "))
}

// opensToSteps plays the steps, at once.
func opensToSteps(t *testing.T, r *compiler.Result) bool {
	rules, err := explore.Rules(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Policy.Knocks[0].Steps {
		rules.Packet(0, attemptAt(s))
	}
	return rules.Open(0, "a", knocking)
}

// opensToAnything searches packets, in all orders and at all times, that open the door.
func opensToAnything(t *testing.T, r *compiler.Result) (way []trace.Event) {
	rules, err := explore.Rules(r)
	if err != nil {
		t.Fatal(err)
	}
	k := r.Policy.Knocks[0]
	s := &explore.Search{Hosts: []explore.Host{rules}, Src: knocking, Knocks: []string{"a"}, Limit: 20_000}
	for _, step := range append(k.AllSteps(), lang.Step{Port: 5000}, lang.Step{Proto: lang.Ping, Length: 20}) {
		s.Packets = append(s.Packets, *attemptAt(step))
	}
	for _, d := range []time.Duration{k.Within, k.Total, k.Grant} {
		if d > 0 {
			s.Durations = append(s.Durations, d)
		}
	}
	s.Opened = func(step *explore.Step) bool {
		way = step.Way()
		return true
	}
	s.Run(t.Context())
	return way
}

// textOf is a way as a trace has it.
func textOf(way []trace.Event) string {
	var b strings.Builder
	for _, e := range way {
		fmt.Fprintf(&b, "\n%s", e.AppendTo(nil))
	}
	return b.String()
}

var knocking = netip.MustParseAddr("192.0.2.7")

// attemptAt is the packet that does a step, and as few others as it can.
func attemptAt(s lang.Step) *trace.Packet {
	p := &trace.Packet{Src: knocking, Proto: s.Proto, DstPort: s.Port}
	switch {
	case s.Proto == lang.TCP:
		p.Flags = lang.SYN
	case s.Proto == lang.Ping && s.Length == lang.AnyLength:
		p.Ping = &trace.Ping{Length: 99}
	case s.Proto == lang.Ping:
		p.Ping = &trace.Ping{Length: uint16(s.Length)}
	}
	return p
}
