//go:build linux

package live

import (
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// elsewherePolicies are about the layout for `at`, and about what names could mislead.
var elsewherePolicies = []string{
	"knock nas < 7001 9002 8003 -> 22 445 udp/5000-5010 at 10.0.0.5 2001:db8:1::5 >",
	"knock nas < 7001 9002 -> 22 at 10.0.0.0/8 once grant forever reset any revoke close 7003 7004 > knock ssh < 7001 9003 -> 22 20-30 >",
	"knock a < ping/84 ping 9001 -> 80 at 10.0.0.5 10.0.1.0/24 from 192.0.2.0/24 2001:db8::/32 on eth0 lan* > knock b < ping/84 9002 -> 80 at 10.0.0.6 >",
	"knock six < 7001 9002 -> 22 at 2001:db8:1::5 per /24 /64 total 4s >",
	"knock a_at_tcp_22 < 1001 1002 -> 22 > knock once < 1001 1003 -> 22 once from 192.0.2.0/24 > knock at < 1001 1004 -> 22 at 10.0.0.5 >",
	"hook input default drop refuse reject open 80 from 192.0.2.0/24 on lan0 open udp/53 knock a < 1001 1002 -> 22 443 > open 443 from 10.0.0.0/8",
	"knock one < 1001 -> 22 close 1001 > knock two < 1002 -> 23 close 1003 1002 > knock three < 1003 -> 24 close 1003 1003 total 3s >",
}

// casePolicies are those of the language's cases.
func casePolicies(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../spec/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(text).Files {
			if f.Name == "policy.knock" {
				all = append(all, string(f.Data))
			}
		}
	}
	return all
}

// TestFirstVersion: the rules that version 0.1.0 has made of a policy tell all of it too.
func TestFirstVersion(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/v0.1.0.txtar")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := lang.Examine(archive.Files[0].Data)
	m, chain := newMeanings(), ""
	for line := range strings.Lines(string(archive.Files[1].Data)) {
		if s := chainLine.FindStringSubmatch(line); s != nil {
			chain = s[1]
		} else if s := commentText.FindStringSubmatch(line); s != nil {
			m.rule(chain, s[1], updatesIn(line))
		}
	}
	m.sort()
	checkKnocks(t, m, p, string(archive.Files[0].Data))
	if want := "default drop refuse reject open 8080 trust 203.0.113.0/24"; m.settings != want {
		t.Errorf("the settings are %s, want %s", m.settings, want)
	}
}

var (
	chainLine   = regexp.MustCompile(`^\tchain (\S+) \{`)
	commentText = regexp.MustCompile(` comment "(.*)"`)
	updateText  = regexp.MustCompile(`update @(\S+) \{ (ip6?) saddr(?: & (\S+))? \. (0x[0-9a-f]+)(?: timeout (\S+))? \}`)
)

// updatesIn are what a line of a script changes.
func updatesIn(line string) (all []change) {
	for _, s := range updateText.FindAllStringSubmatch(line, -1) {
		c := change{set: s[1], timeout: lang.Forever}
		if s[2] == "ip6" {
			c.family = compiler.IPv6
		}
		c.bits = c.family.Bits()
		if mask, err := netip.ParseAddr(s[3]); err == nil {
			c.bits = 0
			for _, b := range mask.AsSlice() {
				c.bits += bits.OnesCount8(b)
			}
		}
		number, _ := strconv.ParseUint(s[4], 0, 32)
		c.number = uint32(number)
		if s[5] != "" {
			c.timeout, _ = lang.ParseDuration(s[5], time.Millisecond)
		}
		all = append(all, c)
	}
	return all
}

// told is all that there is to tell of a knock, in one way.
type told struct {
	steps, close, services, at, rest []string
}

func (k *Knock) told() told {
	rest := []string{fmt.Sprint(k.Once, k.Grant, k.Per, len(k.opens) > 0)}
	if len(k.Steps) > 1 {
		rest = append(rest, k.Within.String())
	}
	return told{k.Steps, k.Close, portsOf(k.Services), slices.Sorted(slices.Values(k.At)), rest}
}

func toldOf(k *lang.Knock) told {
	var services, at []string
	for _, s := range k.Services {
		services = append(services, s.String())
	}
	per := [2]int{k.Per.IPv4, k.Per.IPv6}
	if len(k.At) > 0 {
		per = [2]int{}
	}
	for _, f := range compiler.Families {
		for _, p := range k.At {
			if compiler.FamilyOf(p.Addr()) != f {
				continue
			}
			at = append(at, strings.TrimSuffix(strings.TrimSuffix(p.String(), "/32"), "/128"))
			per[f] = [2]int{k.Per.IPv4, k.Per.IPv6}[f]
		}
	}
	rest := []string{fmt.Sprint(k.Once, k.Grant, per, true)}
	if len(k.Steps) > 1 {
		rest = append(rest, k.Within.String())
	}
	return told{textsOf(k.Steps), textsOf(k.Close), portsOf(services), slices.Sorted(slices.Values(at)), rest}
}

func textsOf(steps []lang.Step) (all []string) {
	for _, s := range steps {
		all = append(all, s.String())
	}
	return all
}

// portsOf are the single ports of services.
func portsOf(services []string) (all []string) {
	for _, s := range services {
		proto := ""
		if rest, ok := strings.CutPrefix(s, "udp/"); ok {
			proto, s = "udp/", rest
		}
		first, last, isRange := strings.Cut(s, "-")
		if !isRange {
			last = first
		}
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		for port := from; port <= to; port++ {
			all = append(all, fmt.Sprint(proto, port))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
