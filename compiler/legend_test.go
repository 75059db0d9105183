package compiler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// TestLegends: comments of version 0.1.0 and later, and what they say.
func TestLegends(t *testing.T) {
	for comment, want := range map[string]compiler.Legend{
		"ssh 2/4":                         {For: compiler.ForStep, Knock: "ssh", Step: 2, Of: 4},
		"once 1/3":                        {For: compiler.ForStep, Knock: "once", Step: 1, Of: 3},
		"ssh 4/4 opens":                   {For: compiler.ForOpening, Knock: "ssh", Step: 4, Of: 4},
		"web_2-b 1/1 of close":            {For: compiler.ForClose, Knock: "web_2-b", Step: 1, Of: 1},
		"service of ssh":                  {For: compiler.ForService, Knock: "ssh"},
		"service of at at 10.0.0.0/8 ::1": {For: compiler.ForService, Knock: "at", At: []string{"10.0.0.0/8", "::1"}},
		"code of ssh":                     {For: compiler.ForCode, Knock: "ssh"},
		"once ssh":                        {For: compiler.ForOnce, Knock: "ssh"},
		"once once at 10.0.0.5":           {For: compiler.ForOnce, Knock: "once", At: []string{"10.0.0.5"}},
		"admits from 2001:db8::/32":       {For: compiler.ForAdmission, From: "2001:db8::/32"},
		"admits from 192.0.2.7 on wg*":    {For: compiler.ForAdmission, From: "192.0.2.7", On: "wg*"},
		"admits on br-lan":                {For: compiler.ForAdmission, On: "br-lan"},
		"knockc policy 4fbf91184887c5b8":  {For: compiler.ForMark, Text: "4fbf91184887c5b8"},
		"knockc policy 4fbf loaded 2026-11-29T09:30:12Z": {For: compiler.ForMark, Text: "4fbf", Loaded: time.Date(2026, 11, 29, 9, 30, 12, 0, time.UTC)},
		"knockc policy 4fbf loaded with care":            {For: compiler.ForMark, Text: "4fbf loaded with care"},
		"settings: default drop":                         {For: compiler.ForSettings, Text: "default drop"},
	} {
		if got, ok := compiler.ParseLegend(comment); !ok || !cmp.Equal(got, want) {
			t.Errorf("%q is %+v, %v, want %+v", comment, got, ok, want)
		}
		if got := want.Comment(); got != comment {
			t.Errorf("%+v is %q, want %q", want, got, comment)
		}
	}
	for _, comment := range []string{
		"", "ssh", "once", "once out of order", "service out of order", "ssh 2/4 is done", "ssh 2/99999999999999999999",
		"no room for the grant of once", "no door is open", "lost during a reload", "service of ssh and web", "knockc policy", "admits ssh 2/4", "admits from ssh",
	} {
		if l, ok := compiler.ParseLegend(comment); ok {
			t.Errorf("%q is %+v", comment, l)
		}
	}
}

// TestLongLegends: a comment says as much as the kernel takes.
func TestLongLegends(t *testing.T) {
	for _, l := range []compiler.Legend{
		{For: compiler.ForService, Knock: "ssh", At: slices.Repeat([]string{"2001:db8::/32"}, 20)},
		{For: compiler.ForSettings, Text: strings.Repeat("ü", 100)},
	} {
		comment := l.Comment()
		if len(comment) > 127 || len(comment) < 100 || !strings.HasSuffix(comment, " ...") {
			t.Errorf("%+v is %q", l, comment)
		}
		short, ok := compiler.ParseLegend(comment)
		if !ok || short.For != l.For || short.Comment() != comment {
			t.Errorf("%q is %+v, %v", comment, short, ok)
		}
	}
}

// TestPoints: a chain's name tells where what it is for goes to, as a policy has it.
func TestPoints(t *testing.T) {
	for chain, want := range map[string]string{
		"tcp_22": "22", "udp_500": "udp/500", "tcp_8000_8010": "8000-8010", "ping_other": "ping", "ping_120": "ping/120", "ping_0": "ping/0",
		"ssh_at_tcp_22": "22", "my_at_home_at_udp_1_9": "udp/1-9", "a_at_tcp_7_at_ping_other": "ping",
	} {
		if p, ok := compiler.PointOf(chain); !ok || p.String() != want {
			t.Errorf("%s is for %v, %v, want %s", chain, p, ok, want)
		}
	}
	for _, chain := range []string{
		"", "guard", "tcp", "tcp_", "tcp_22_let_in", "tcp_22_asked", "open_tcp_22", "tcp_70000", "tcp_1_2_3", "tcp_022", "ping_1_2", "icmp_8",
		"known_tcp", "ping_84_elsewhere", "a_at_tcp_22_ends_opening", "a_at_home",
	} {
		if p, ok := compiler.PointOf(chain); ok {
			t.Errorf("%s is for %v", chain, p)
		}
	}
	for _, p := range []compiler.Point{
		{Proto: lang.TCP, First: 1, Last: 65535}, {Proto: lang.UDP, First: 9, Last: 9}, {Proto: lang.Ping, Length: 65507}, {Proto: lang.Ping, Length: lang.AnyLength},
	} {
		if got, ok := compiler.PointOf(p.Chain()); !ok || got != p {
			t.Errorf("chain %s is for %+v, %v, want %+v", p.Chain(), got, ok, p)
		}
	}
}

// TestSetNames: a set's name tells the kind and the family.
func TestSetNames(t *testing.T) {
	for kind := compiler.FirstSteps; kind <= compiler.LetIn; kind++ {
		for _, f := range compiler.Families {
			name := kind.SetName(f)
			if k, family, ok := compiler.SetOf(name); !ok || k != kind || family != f {
				t.Errorf("%s is of kind %d, family %d, %v", name, k, family, ok)
			}
		}
	}
	for _, name := range []string{"", "4", "first", "first5", "ports", "closing_second4"} {
		if kind, _, ok := compiler.SetOf(name); ok {
			t.Errorf("%q is of kind %d", name, kind)
		}
	}
}
