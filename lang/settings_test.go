package lang_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/knockc/lang"
)

// TestHookAndPriority holds the settings to each other whatever their order.
func TestHookAndPriority(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "prerouting -110",
		"hook prerouting":                  "prerouting -110",
		"hook input":                       "input -10",
		"priority -199":                    "prerouting -199",
		"priority -101 hook prerouting":    "prerouting -101",
		"priority 300 hook input":          "input 300",
		"hook input priority -2147483648":  "input -2147483648",
		"priority -100":                    "prerouting -100 [K015]",
		"hook prerouting priority -200":    "prerouting -200 [K015]",
		"priority high hook input":         "input -10 [K002]",
		"priority -10 hook outputt":        "prerouting -10 [K002]",
		"priority 3000000000 priority -10": "prerouting -110 [K015] [K005]",
	} {
		policy, found := lang.Examine([]byte(text + "\nknock a < 2001 2005 2003 -> 22 >"))
		got := fmt.Sprintf("%v %d%s", policy.Settings.Hook, policy.Settings.Priority, errorCodes(found))
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func errorCodes(found []lang.Finding) string {
	var codes strings.Builder
	for _, f := range found {
		if f.Severity == lang.Error {
			fmt.Fprintf(&codes, " [%s]", f.Code)
		}
	}
	return codes.String()
}

// TestOpen reads what is open to whom.
func TestOpen(t *testing.T) {
	const text = `open 80 443
open udp/53
	on lan0 "br-lan"
	from 10.0.0.0/8
open 25 from 0.0.0.0/0 ::/0 open 26 from 0.0.0.0/0
open 27 from ::/0 192.0.2.7 0.0.0.0/0 on eth0
default drop
knock a < 2001 2005 2003 -> 22 at 10.0.0.5 2001:db8::/64 >`
	policy, found := lang.Examine([]byte(text))
	for _, f := range found {
		if f.Severity != lang.Info {
			t.Error(f.Render("open", []byte(text)))
		}
	}
	var got strings.Builder
	for _, o := range policy.Settings.Open {
		fmt.Fprintln(&got, text[o.Span.Start.Offset:o.Span.End.Offset])
		fmt.Fprintln(&got, "=", o.Services, o.From, o.On, o.ForAll())
	}
	const want = `open 80 443
= [80 443] [] [] true
open udp/53
	on lan0 "br-lan"
	from 10.0.0.0/8
= [udp/53] [10.0.0.0/8] ["lan0" "br-lan"] false
open 25 from 0.0.0.0/0 ::/0
= [25] [0.0.0.0/0 ::/0] [] true
open 26 from 0.0.0.0/0
= [26] [0.0.0.0/0] [] false
open 27 from ::/0 192.0.2.7 0.0.0.0/0 on eth0
= [27] [::/0 192.0.2.7/32 0.0.0.0/0] ["eth0"] false
`
	if got.String() != want {
		t.Errorf("%s, want\n%s", &got, want)
	}
	if got := fmt.Sprint(policy.Settings.OpenToAll()); got != "[80 443 25]" {
		t.Errorf("open to everyone: %s", got)
	}
	const knock = "knock a < 2001 2005 2003 -> 22 within 5s grant 10s at 10.0.0.5/32 2001:db8::/64 >"
	if got := policy.Knocks[0].String(); got != knock {
		t.Errorf("the knock is %s, want %s", got, knock)
	}
}
