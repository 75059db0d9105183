//go:build linux

package live

import (
	"strings"
	"testing"
	"time"
)

const listed = `table inet knockc {
	counter ssh_steps {
		packets 7 bytes 420
	}

	set grants4 {
		type ipv4_addr . mark
		size 65536
		flags dynamic,timeout
		elements = { 192.0.2.7 . 0x711fe4db timeout 1h expires 59m59s984ms,
			     192.0.2.8 . 0x711fe4db, 192.0.2.9 . 0x0000beef timeout 30s expires 2s }
	}

	map ports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 22 : jump tcp_22 }
	}

	chain tcp_22 {
		ip saddr . meta mark & 0x711fe4db | 0x711fe4db @grants4 accept
	}
}
`

// elementsOf is what a listing says of elements, each on a line.
func elementsOf(text string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, " . 0x") && !strings.Contains(line, "saddr") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "\n")
}

// TestListing: time passes for what a listing holds, and a later one brings what has
// happened since, as far as these rules know of it.
func TestListing(t *testing.T) {
	l := parseListing(listed)
	const unchanged = `192.0.2.7 . 0x711fe4db timeout 1h expires 59m59s984ms,
192.0.2.8 . 0x711fe4db,
192.0.2.9 . 0x0000beef timeout 30s expires 2s,`
	if got := elementsOf(l.String()); got != unchanged {
		t.Errorf("the elements became\n%s", got)
	}
	if rest := parseListing(l.String()); strings.Join(rest.lines, "\n") != strings.Join(append(l.lines, ""), "\n") {
		t.Errorf("the rest became\n%s", rest)
	}
	l.age(3 * time.Second)
	const older = `192.0.2.7 . 0x711fe4db timeout 1h expires 59m56s984ms,
192.0.2.8 . 0x711fe4db,`
	if got := elementsOf(l.String()); got != older {
		t.Errorf("after three seconds the elements are\n%s", got)
	}
	l.takeOver(parseListing(strings.Replace(listed, "192.0.2.8", "192.0.2.10", 1)))
	guards := func(expires string) *listing {
		text := strings.Replace(listed, "set grants4", "set doors4", 1)
		return parseListing(strings.Replace(text, "59m59s984ms", expires, 1))
	}
	for _, other := range []string{"20s", "40m"} {
		g := guards("30m")
		g.takeOver(guards(other))
		if want := map[string]string{"20s": "30m", "40m": "40m"}[other]; !strings.Contains(g.String(), "timeout 1h expires "+want+",") {
			t.Errorf("of 30m and %s a guard that outlives all it speaks of lasts\n%s", other, elementsOf(g.String()))
		}
	}
	const later = `192.0.2.7 . 0x711fe4db timeout 1h expires 59m59s984ms,
192.0.2.10 . 0x711fe4db,`
	if got := elementsOf(l.String()); got != later {
		t.Errorf("with those of later the elements are\n%s", got)
	}
}

// TestLongListing: a flood fills sets, and their listing is still read at once.
func TestLongListing(t *testing.T) {
	const elements = 60_000
	text := strings.Replace(listed, "192.0.2.8 . 0x711fe4db,", strings.Repeat("192.0.2.8 . 0x711fe4db,\n\t\t\t     ", elements), 1)
	l := parseListing(text)
	l.takeOver(parseListing(text))
	if n := strings.Count(l.String(), "0x711fe4db,"); n != elements {
		t.Errorf("%d elements, want %d", n, elements)
	}
}
