package capture_test

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// TestMissed: a capture that has nothing to do with the host tells where its packets go.
func TestMissed(t *testing.T) {
	data, err := os.ReadFile("../../testdata/captures/door.pcap")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddr
	for name, c := range map[string]struct {
		hosts []netip.Addr
		at    string
		most  []capture.Destination
	}{
		"the one":             {[]netip.Addr{at("192.0.2.1")}, "10.0.0.0/8", nil},
		"one of them":         {[]netip.Addr{at("10.9.9.9"), at("::ffff:192.0.2.2")}, "10.0.0.0/8", nil},
		"another":             {[]netip.Addr{at("10.9.9.9")}, "10.0.0.0/8", []capture.Destination{{at("192.0.2.1"), 11}, {at("192.0.2.2"), 4}}},
		"of the other family": {[]netip.Addr{at("2001:db8::1")}, "10.0.0.0/8", []capture.Destination{{at("192.0.2.1"), 11}, {at("192.0.2.2"), 4}}},
		"one behind it":       {[]netip.Addr{at("10.9.9.9")}, "192.0.2.0/31", nil},
	} {
		s, err := capture.OpenFile(bytes.NewReader(data), capture.Options{Hosts: c.hosts, At: []netip.Prefix{netip.MustParsePrefix(c.at)}})
		if err != nil {
			t.Fatal(err)
		}
		var p sim.Packet
		for err == nil {
			_, err = s.Next(&p)
		}
		most, missed := s.Missed()
		if err != io.EOF || missed != (c.most != nil) {
			t.Errorf("%s: missed %v, %v", name, missed, err)
		}
		if diff := cmp.Diff(c.most, most, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}
