package replay_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// TestReasons: every failure has a reason, which fits what came and what the policy says.
func TestReasons(t *testing.T) {
	grant := regexp.MustCompile(`(no grant for|^|; |: )(\w*)(:| is closed:| was opened at)`)
	seen := map[string]int{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		policy := anyPolicy(r)
		result, events := compileBoth(t, []byte(policy), []byte(anyTrace(r)))
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		player.Explain(askedBy(events))
		for i := range events {
			player.Event(&events[i], func(o replay.Outcome) {
				if o.OK() || o.Event.Expect != nil {
					return
				}
				fail := func(why string) {
					t.Errorf("seed %d: %s\nline %d wants %s, got %s\n%s: %s", seed, policy, o.Event.Span.Start.Line, o.Want, o.Got, o.Why, why)
				}
				refused := o.Got.Verdict == trace.Drop || o.Got.Verdict == trace.Reject
				for part, fits := range map[string]bool{
					"=> pass":              o.Got.Verdict == trace.Pass,
					"=> drop":              o.Got.Verdict == trace.Drop,
					"no grant for":         refused,
					"is closed":            refused,
					"was opened":           o.Got.Verdict == trace.Accept,
					"been established":     o.Got.Verdict == trace.Accept,
					"repeats a SYN":        o.Got.Verdict == trace.Accept,
					"admits it":            o.Got.Verdict == trace.Accept,
					"does not admit it":    refused,
					"`default accept`":     o.Got.Verdict == trace.Pass && !strings.Contains(policy, "default drop"),
					"`default drop`":       o.Got.Verdict != trace.Pass && strings.Contains(policy, "default drop"),
					"answers refused":      o.Got.Verdict == trace.Reject && strings.Contains(policy, "refuse reject"),
					"no `refuse reject`":   o.Got.Verdict == trace.Drop && !strings.Contains(policy, "refuse reject"),
					"no knock has":         o.Got.Verdict == trace.Pass || strings.Contains(policy, "default drop"),
					"interface is trusted": !refused,
					"leave `answered`":     o.Event.Packet.Answered != nil && o.Got.Verdict == trace.Accept,
				} {
					if strings.Contains(o.Why, part) {
						seen[part]++
						if !fits {
							fail("does not fit")
						}
					}
				}
				for _, m := range grant.FindAllStringSubmatch(o.Why, -1) {
					open, _ := player.Open(m[2], o.Event.Packet.Src, o.At)
					switch {
					case m[2] == "":
					case m[3] != " was opened at" && open:
						fail(m[2] + " is open")
					case m[3] == " was opened at" && !open && !strings.Contains(policy, "once"):
						fail(m[2] + " is not open")
					}
				}
				if o.Why == "" {
					fail("no reason")
				}
			})
		}
	}
	for part, n := range seen {
		t.Log(n, part)
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds of reasons came up", len(seen))
	}
}

// anyPolicy draws a policy with two knocks, one of them for a service elsewhere.
func anyPolicy(r *rand.Rand) string {
	text := ""
	for _, setting := range []string{"default drop", "refuse reject", "trust lan0", "open 80 22 from 192.0.2.0/25", "open udp/53 on lan0", "hook input"} {
		if r.IntN(3) == 0 {
			text += setting + "\n"
		}
	}
	clauses := func() string {
		return []string{"", "once ", "reset any ", "reset known revoke ", "close 2000 1001 "}[r.IntN(5)]
	}
	return text + "knock a < 1000 ping 2000 -> 22 udp/53 " + clauses() + ">\n" +
		"knock b < 1000 udp/1001 -> 445 22 at 10.0.0.0/24 " + clauses() + ">\n"
}

// anyTrace draws a trace of two sources that often wants the wrong thing.
func anyTrace(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for range 60 {
		to := pick("1000", "1000", "ping", "2000", "udp/1001", "22", "22", "445", "22 ack", "22 rst", "22 null", "80", "81", "udp/53", "2000 ack", "1001")
		attributes := pick("", "", "", " to 10.0.0.5", " to 10.0.0.5", " to 10.0.1.5") + pick("", "", "", "", " on lan0", ` on "lo"`)
		want := pick("", " => accept", " => pass", " => drop", " => reject")
		if !strings.Contains(to, "ping") && (want == "" || want == " => pass" || want == " => accept") {
			attributes += pick("", "", " answered", " unanswered")
		}
		fmt.Fprintf(&b, "+%dms 192.0.2.%s%s -> %s%s%s\n", r.IntN(1500), pick("7", "200"), pick("", ":5", ":6"), to, attributes, want)
	}
	return b.String()
}
