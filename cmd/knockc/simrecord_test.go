package main

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/knockc/lang/trace"
)

// TestRecordedTraceHolds: a trace made of any capture can be read, and its expectations
// hold. It has as many sources as the capture, and none of their addresses.
func TestRecordedTraceHolds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	policy := write("p.knock", "trust 10.200.0.0/16\nknock a < 1000 2000 -> 22 reset any >\nknock b < 2000 udp/3000 -> udp/53 once per /24 /64 >\n")
	marked := 0
	for seed := range uint64(100) {
		packets, sources := anyCapture(rand.New(rand.NewPCG(seed, 1)))
		name := write("a.pcap", packets)
		var out, errOut strings.Builder
		if status := run([]string{"sim", "-record", "-anonymize", "-policy", policy, "-host", "192.0.2.1", name}, nil, &out, &errOut); status != 0 {
			t.Fatalf("seed %d: %s", seed, errOut.String())
		}
		marked += strings.Count(out.String(), "# in the capture")
		trace := write("a.trace", out.String())
		var result strings.Builder
		if status := run([]string{"sim", "-quiet", trace}, nil, &result, &result); status != 0 {
			t.Errorf("seed %d: %s\n%s", seed, out.String(), result.String())
		}
		found := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^\S+ +(\d+\.\d+\.\d+\.\d+):`).FindAllStringSubmatch(out.String(), -1) {
			found[m[1]] = true
			if addr := netip.MustParseAddr(m[1]); sources[m[1]] && !strings.HasPrefix(m[1], "10.200.") {
				t.Errorf("seed %d: %s is in the trace", seed, addr)
			}
		}
		if len(found) > len(sources) || len(found) == 0 {
			t.Errorf("seed %d: %d sources, in the trace %d", seed, len(sources), len(found))
		}
	}
	if marked > 500 { // of about 15,000 packets, many of which contradict each other
		t.Errorf("%d packets get another verdict in the trace", marked)
	}
}

// TestRecordedNames: whatever an interface or the policy is called, there is a trace.
func TestRecordedNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"eth*", `a"b`, `\\`, "$(id)", "→", "wan0", "lo"} {
		for _, policy := range []string{"p.knock", `a "b" #.knock`, "a\nb.knock", "a b.knock"} {
			policy, file := filepath.Join(dir, policy), filepath.Join(dir, "a.pcapng")
			if err := os.WriteFile(policy, []byte("knock a < 10000 2000 -> 22 on \"wan0\" >\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, namedCapture(name, 101), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errOut strings.Builder
			if status := run([]string{"sim", "-record", "-policy", policy, "-host", "192.0.2.1", file}, nil, &out, &errOut); status != 0 {
				t.Errorf("%q, %q: %s", name, policy, errOut.String())
			}
			if tr, found := trace.Parse([]byte(out.String())); len(found) > 0 || len(tr.Events) == 0 {
				t.Errorf("%q, %q: %v in %s", name, policy, found, out.String())
			}
		}
	}
}

// TestAnonymousSources: what counts as one source does so under other addresses too.
func TestAnonymousSources(t *testing.T) {
	dir := t.TempDir()
	policy, file := filepath.Join(dir, "p.knock"), filepath.Join(dir, "a.pcap")
	for per, want := range map[string]string{"": "closed", "per /16 /48": "open", "per /24 /56": "closed"} {
		if err := os.WriteFile(policy, []byte("knock a < 10000 10000 -> 22 "+per+" >\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		first, second := rawSYN(7<<8|1), rawSYN(9<<8|1) // 10.0.7.1 and 10.0.9.1
		capture := pcapHeader + string(pcapRecord(1, first)) + string(pcapRecord(2, second))
		if err := os.WriteFile(file, []byte(capture), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errOut strings.Builder
		if status := run([]string{"sim", "-record", "-anonymize", "-policy", policy, "-host", "192.0.2.1", file}, nil, &out, &errOut); status != 0 {
			t.Fatal(errOut.String())
		}
		if open := strings.Contains(out.String(), "expect a open"); open != (want == "open") || strings.Contains(out.String(), "10.0.") {
			t.Errorf("%s: wanted %s\n%s", per, want, out.String())
		}
	}
}

// anyCapture draws packets to and from 192.0.2.1, and says which other addresses take part.
func anyCapture(r *rand.Rand) (string, map[string]bool) {
	var b strings.Builder
	b.WriteString(pcapHeader)
	sources := map[string]bool{}
	for at := uint32(0); at < 150*4000; at += 1 + uint32(r.IntN(8000)) {
		source := uint32(r.IntN(3))<<8 | uint32(1+r.IntN(2))
		if r.IntN(8) == 0 {
			source |= 200 << 16
		}
		p := rawSYN(source)
		sources[netip.AddrFrom4([4]byte(p[12:16])).String()] = true
		port := []uint16{1000, 2000, 2000, 3000, 22, 22, 53, 80}[r.IntN(8)]
		p[20], p[21], p[22], p[23] = 0x13, byte(0x88+r.IntN(3)), byte(port>>8), byte(port)
		p[33] = []byte{2, 2, 2, 0x10, 0x18, 0x11, 4, 0}[r.IntN(8)]
		if port == 53 || port == 3000 {
			p[9], p[24], p[25] = 17, 0, 20 // UDP
		}
		b.Write(pcapRecord(at, p))
		if r.IntN(2) == 0 { // the host answers
			for i := range 4 {
				p[12+i], p[16+i] = p[16+i], p[12+i]
			}
			p[20], p[21], p[22], p[23] = p[22], p[23], p[20], p[21]
			if p[9] == 6 {
				p[33] = []byte{0x12, 0x12, 0x14, 2}[r.IntN(4)] // or begins a flow of its own
			}
			b.Write(pcapRecord(at, p))
		}
	}
	return b.String(), sources
}
