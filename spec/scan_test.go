package spec

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// scanFinding is what the checker says of port scans in one direction.
var scanFinding = regexp.MustCompile(`(one|two|three|four|five|six) (ascending|descending) port scans? at ([0-9,]+) packets?/s`)

// unscanned are the clauses that do not matter to scans: they say which sources a door is
// for and where it is, which a scan is taken to suit, which codes there are, which a scan
// does not know, or what happens once the door is open.
var unscanned = []string{"grant", "once", "from", "on", "at", "per", "log", "period", "ahead"}

// TestScanFindings scans the doors of some policies on the model, among them random ones
// with few ports, so that these repeat and lie close. As many scans as the checker says,
// at the rate that it says, must open the door. The same number at one packet a second
// less, or one scan less, must not. If it says nothing, no scans may.
func TestScanFindings(t *testing.T) {
	policies := []string{
		"knock a < 10000 2345 3456 1234 -> 22 within 5s >",
		"knock a < 1001 1002 1003 -> 22 >",
		"knock a < 7000 7000 -> 22 within 2s >",
		"knock a < 65535 1 32000 -> 22 within 3s >",
		"knock a < 1000 60000 2000 -> 22 within 7s >",
		"knock a < udp/5000 udp/400 udp/30 -> 22 within 1500ms >",
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		policies = append(policies, knockToScan(r, "a")+knockToScan(r, "b")+"open 1002-1004 udp/30001\n")
	}
	said, drawn := 0, map[string]bool{}
	for _, policy := range policies {
		p, found := lang.Examine([]byte(policy))
		for clause := range p.Knocks[0].Given {
			drawn[clause.String()] = true
		}
		s := scannedDoor{p, p.Knocks[0]}
		steps := s.knock.Steps
		i := slices.IndexFunc(found, func(f lang.Finding) bool {
			return (f.Code == lang.CodeScan || f.Code == lang.CodeScans) && f.Span.Start == steps[0].Span.Start
		})
		ways := map[string][]string{}
		if i >= 0 {
			for _, way := range scanFinding.FindAllStringSubmatch(found[i].Message, -1) {
				ways[way[2]] = way
			}
		}
		for _, direction := range []string{"ascending", "descending"} {
			way, descending := ways[direction], direction == "descending"
			if way == nil {
				if len(steps) > 1 && s.opensTo(len(steps)+2, fast, descending) {
					t.Errorf("%s: %s scans open the door, it is not said", policy, direction)
				}
				continue
			}
			said++
			scans := 1 + strings.Index("one  two  threefour five six", way[1])/5
			rate, _ := strconv.Atoi(strings.ReplaceAll(way[3], ",", ""))
			if !s.opensTo(scans, rate, descending) {
				t.Errorf("%s: %s do not open the door", policy, way[0])
			}
			if s.opensTo(scans-1, fast, descending) || rate > 1 && s.opensTo(scans, rate-1, descending) {
				t.Errorf("%s: fewer than %s open the door", policy, way[0])
			}
		}
	}
	if said < len(policies)/2 {
		t.Errorf("only %d ways of %d policies open a door", said, len(policies))
	}
	for _, word := range lang.ClauseWords {
		if drawn[word] == slices.Contains(unscanned, word) {
			t.Errorf("`%s` must be drawn, or be among the clauses that do not matter to scans, and not both", word)
		}
	}
}

// knockToScan is a random knock.
func knockToScan(r *rand.Rand, name string) string {
	ports := func(most int) (text string) {
		for range 1 + r.IntN(most) {
			text += []string{" ", " ", " ", " ", " ", " ", " ", " udp/"}[r.IntN(8)]
			text += fmt.Sprint([]int{1000, 1001, 1002, 1005, 30000, 65535}[r.IntN(6)])
		}
		return text
	}
	text := "knock " + name + " <" + ports(4) + " -> 1006-1010 2000"
	if r.IntN(8) == 0 {
		text = strings.Replace(text, " ->", " otp/40000 ->", 1) + ` key "k"`
	}
	if r.IntN(3) == 0 {
		text += fmt.Sprintf(" within %ds", 1+r.IntN(9))
	}
	if r.IntN(3) == 0 {
		text += fmt.Sprintf(" total %ds", 3+r.IntN(20))
	}
	text += []string{"", "", " reset known", " reset any"}[r.IntN(4)]
	if r.IntN(3) == 0 {
		text += " close" + ports(2)
	}
	return text + " >\n"
}

// scannedDoor is a policy, and the knock whose door is scanned.
type scannedDoor struct {
	policy *lang.Policy
	knock  *lang.Knock
}

// fast is a rate at which nothing comes too late, in packets a second.
const fast = 10_000_000

// opensTo scans all ports of the protocols that the knock's steps have, some times over,
// and reports whether that opens the door. Of ports that the policy does not name, in a
// row, the model gets only the outer ones: the others do what these have done.
func (s scannedDoor) opensTo(scans, rate int, descending bool) bool {
	protos := []lang.Proto{s.knock.Steps[0].Proto}
	if slices.ContainsFunc(s.knock.Steps, func(step lang.Step) bool { return step.Proto != protos[0] }) {
		protos = []lang.Proto{lang.TCP, lang.UDP}
	}
	src := netip.MustParseAddr("192.0.2.7")
	var places []int // of packets in an ascending scan
	for _, port := range s.namedPorts() {
		for i := range protos {
			places = append(places, (port-1)*len(protos)+i)
		}
	}
	if descending {
		slices.Reverse(places)
	}
	m, length := NewModel(s.policy), 65535*len(protos)
	for scan := range scans {
		for _, place := range places {
			n := scan*length + place
			if descending {
				n = scan*length + length - 1 - place
			}
			at := time.Duration(n) * time.Second / time.Duration(rate)
			m.Packet(at, &trace.Packet{Src: src, Proto: protos[place%len(protos)], DstPort: uint16(place/len(protos) + 1), Flags: lang.SYN})
			if m.Open(at, s.knock.Name.Text, src) {
				return true
			}
		}
	}
	return false
}

// namedPorts are the ports that the policy names, with their neighbours, in order.
func (s scannedDoor) namedPorts() (all []int) {
	name := func(port uint16) { all = append(all, int(port)-1, int(port), int(port)+1) }
	services := s.policy.Settings.OpenToAll()
	for _, k := range s.policy.Knocks {
		for _, step := range k.AllSteps() {
			name(step.Port)
		}
		services = append(services, k.Services...)
	}
	for _, service := range services {
		name(service.First)
		name(service.Last)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(port int) bool { return port < 1 || port > 65535 })
}
