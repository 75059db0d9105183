package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestScanFindings scans the doors of some policies on the model: as many scans,
// at the rate that the checker computes, must open the door, and the same number
// at one packet a second less, or one scan less, must not.
func TestScanFindings(t *testing.T) {
	finding := regexp.MustCompile(`(one|two|three|four) (ascending|descending) port scans? at ([0-9,]+) packets?/s`)
	for _, policy := range []string{
		"knock a < 10000 2345 3456 1234 -> 22 within 5s >",
		"knock a < 1001 1002 1003 -> 22 >",
		"knock a < 7000 7000 -> 22 within 2s >",
		"knock a < 65535 1 32000 -> 22 within 3s >",
		"knock a < 1000 60000 2000 -> 22 within 7s >",
		"knock a < udp/5000 udp/400 udp/30 -> 22 within 1500ms >",
	} {
		p, err := newPair(policy, policy, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, found := lang.Examine([]byte(policy))
		said := finding.FindAllStringSubmatch(fmt.Sprint(found), -1)
		if len(said) != 2 {
			t.Errorf("%s: %v", policy, found)
		}
		for _, s := range said {
			scans := 1 + strings.Index("one  two  threefour", s[1])/5
			rate, _ := strconv.Atoi(strings.ReplaceAll(s[3], ",", ""))
			descending := s[2] == "descending"
			if !p.scanned(scans, rate, descending) {
				t.Errorf("%s: %s do not open the door", policy, s[0])
			}
			if p.scanned(scans-1, 2*rate, descending) || rate > 1 && p.scanned(scans, rate-1, descending) {
				t.Errorf("%s: fewer than %s open the door", policy, s[0])
			}
		}
	}
}

// scanned scans all ports of the first step's protocol, some times over, and
// reports whether the door is open then.
func (p *pair) scanned(scans, rate int, descending bool) bool {
	k := p.policy.Knocks[0]
	src := netip.MustParseAddr("192.0.2.7")
	m := NewModel(p.policy)
	const ports = 65535
	for n := range scans * ports {
		port := uint16(n%ports + 1)
		if descending {
			port = uint16(ports - n%ports)
		}
		at := time.Duration(n) * time.Second / time.Duration(rate)
		packet := trace.Packet{Src: src, Proto: k.Steps[0].Proto, DstPort: port, Flags: lang.SYN}
		m.Packet(at, &packet)
		if m.Open(at, k.Name.Text, src) {
			return true
		}
	}
	return false
}
