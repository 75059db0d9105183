//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// aStatus is one of two knocks, and of sources that have done a step of ssh.
func aStatus(sources int) *seen {
	left, letIn, refused := 42*time.Second, uint64(3), uint64(123456)
	s := &seen{trial: &left, Status: &live.Status{
		Location: live.Location{Table: "knockc"}, Policy: "072e986bf701d5ed", ChangedByHand: "chain guard has 4 rules, not 3",
		Knocks: []live.KnockStatus{
			{Knock: live.Knock{Name: "ssh", Services: []string{"22"}}, StepsDone: 9, Opened: 2, LetIn: &letIn, Refused: &refused, Open: 1, Underway: sources},
			{Knock: live.Knock{Name: "vpn", Services: []string{"8000-8010", "udp/51820"}, At: []string{"2001:db8:1:2:3:4:5:6", "10.0.0.0/24"}}, Refused: &refused, Barred: &letIn},
		},
		Sets: []live.SetStatus{{Name: "first4", Elements: 3, Size: 8}, {Name: "first6", Elements: 5, Size: 8}},
	}}
	stands := func(src netip.Addr, role compiler.Role, step int, left time.Duration) {
		s.Standings = append(s.Standings, live.Standing{Source: netip.PrefixFrom(src, src.BitLen()), Symbol: compiler.Symbol{Knock: "ssh", Role: role, Step: step, Of: 3}, Left: left})
	}
	opened := netip.MustParseAddr("2001:db8:1234:5678:9abc:def0:1234:5678")
	stands(opened, compiler.Grant, 0, lang.Forever)
	src := netip.MustParseAddr("192.0.2.1")
	for i := range sources {
		stands(src, compiler.Opening, 1, 9*time.Second)
		if i == 2 {
			stands(src, compiler.Opening, 2, 4300*time.Millisecond)
		}
		src = src.Next()
	}
	stands(opened, compiler.Opening, 2, 3*time.Second) // what is left of the knock that opened it
	return s
}

// TestStatusText: the sources stand first, the nearest to a door before the others, and
// a source that has opened the door is not listed as under way too.
func TestStatusText(t *testing.T) {
	v := &viewing{wanted: "072e986bf701d5ed", statusOptions: statusOptions{policy: "/etc/knockc/a-long-name-for-a-policy.knock"}}
	var out strings.Builder
	s := aStatus(3)
	s.Unfound = []string{"ssh", "vpn"}
	v.print(&out, s, 0)
	const want = `table inet knockc, policy 072e986bf701d5ed, which is
/etc/knockc/a-long-name-for-a-policy.knock
CHANGED BY HAND: chain guard has 4 rules, not 3
NOT ALL OPEN: the rules do not find the doors of ssh and vpn where more than 8
knocks guard a port: apply the policy again
ON TRIAL: rolled back in 42s, unless ` + "`knockc keep`" + ` keeps it

SOURCE                                  KNOCK  STATE  LEFT
2001:db8:1234:5678:9abc:def0:1234:5678  ssh    open   forever
192.0.2.3                               ssh    2/3    4s300ms
192.0.2.1                               ssh    1/3    9s
192.0.2.2                               ssh    1/3    9s

KNOCK  SERVICES          OPEN  UNDER WAY  STEPS  OPENED  LET IN  REFUSED  BARRED
ssh    22                1     3          9      2       3       123456   -
vpn    8000-8010         0     0          0      0       -       123456   3
       udp/51820 at
       2001:db8:1:2:3:4
       :5:6 10.0.0.0/24

SET     SOURCES  SIZE  FULL
first6  5        8     62 %
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// TestStatusScreen: on a screen of 24 lines the knocks stay in sight, however many sources
// there are.
func TestStatusScreen(t *testing.T) {
	for _, sources := range []int{0, 1, 10, 20, 1000} {
		var out strings.Builder
		(&viewing{}).printScreen(&out, []*seen{aStatus(sources)}, 24)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) > 23 || !strings.Contains(out.String(), "\nKNOCK ") || !strings.Contains(out.String(), "\nSET ") {
			t.Errorf("of %d sources it shows %d lines:\n%s", sources, len(lines), out.String())
		}
		shown := strings.Count(out.String(), "/3 ")
		if rest := fmt.Sprintf("and %d more\n", sources-shown); shown < min(sources, 4) || shown < sources && !strings.Contains(out.String(), rest) {
			t.Errorf("of %d sources under way it shows %d:\n%s", sources, shown, out.String())
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("too wide: %s", line)
			}
		}
	}
	s := aStatus(1000)
	for i := range 100 {
		s.Knocks = append(s.Knocks, live.KnockStatus{Knock: live.Knock{Name: fmt.Sprint("k", i)}})
	}
	var out strings.Builder
	(&viewing{}).printScreen(&out, []*seen{s}, 24)
	if lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); len(lines) != 23 || !strings.HasPrefix(lines[4], "SOURCE") || lines[8] != "and 998 more" || !strings.HasSuffix(lines[22], " more lines") {
		t.Errorf("with many knocks it shows\n%s", out.String())
	}
}

// TestStatusCodes: status says until when codes last, and in capitals what has to be done.
func TestStatusCodes(t *testing.T) {
	ends := time.Date(2026, 12, 6, 9, 30, 0, 0, time.Local)
	const day = 24 * time.Hour
	for want, c := range map[string]live.CodesStatus{
		"ssh: codes until 2026-12-06 09:30:00, for 6d23h":                                             {Ends: ends, Left: 7*day - time.Hour, Ahead: 7 * day},
		"ssh: codes until 2026-12-06 09:30:00, for 50m":                                               {Ends: ends, Left: 50 * time.Minute, Ahead: time.Hour},
		"ssh: CODES ONLY until 2026-12-06 09:30:00, for 23h59m: `knockc refill` loads more":           {Ends: ends, Left: day - time.Minute, Ahead: 7 * day},
		"ssh: CODES ONLY until 2026-12-06 09:30:00, for 29m: `knockc refill` loads more":              {Ends: ends, Left: 29 * time.Minute, Ahead: time.Hour},
		"ssh: NO CODES since 2026-12-06 09:30:00: `knockc refill` loads some":                         {Ends: ends, Ahead: time.Hour},
		"ssh: NO CODES before 2026-12-06 09:30:00: a new key has some at once":                        {Begins: ends, Wait: 7 * day, Ends: ends, Left: 7 * day, Ahead: 7 * day},
		"ssh: codes from 2026-12-06 08:30:00 until 2026-12-06 09:30:00":                               {Begins: ends.Add(-time.Hour), Wait: time.Minute, Ends: ends, Left: time.Hour, Ahead: time.Hour},
		"ssh: NO CODES: `knockc refill` loads some":                                                   {},
		"ssh: OLD CODES, of another boot or before the clock was set: `knockc refill` loads new ones": {Ends: ends, Left: 7 * day, Stale: true},
	} {
		if got := codesText(live.KnockStatus{Knock: live.Knock{Name: "ssh"}, Codes: &c}); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}
