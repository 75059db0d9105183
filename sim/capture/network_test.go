//go:build linux

package capture_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
)

// network is a host and a peer that tcpdump can listen to.
type network struct{ *netns.Pair }

// newNetwork skips the test if a program is missing, or the right to make namespaces.
func newNetwork(t *testing.T, programs ...string) network {
	t.Helper()
	// In "unshare -r" tcpdump cannot do without: it calls setgroups, whoever it is to
	// run as.
	if groups, err := os.ReadFile("/proc/self/setgroups"); err == nil && strings.TrimSpace(string(groups)) == "deny" {
		t.Skip("tcpdump needs setgroups(2), which is denied here")
	}
	return network{netns.NewPair(t, append(programs, "tcpdump")...)}
}

var caught = regexp.MustCompile(`(\d+) packets? captured, (\d+) packets? received by filter`)

// hasAll reports whether tcpdump has written all packets that came, by the last of what it
// says on SIGUSR1.
func hasAll(said string) bool {
	counts := caught.FindAllStringSubmatch(said, -1)
	return len(counts) > 0 && counts[len(counts)-1][1] == counts[len(counts)-1][2]
}

// record records with tcpdump until the function that it returns is called, which
// makes sure that nothing was missed.
func record(t *testing.T, ns netns.Namespace, iface, file string) (stop func()) {
	t.Helper()
	c := ns.Command(t.Context(), "tcpdump", "-i", iface, "-n", "-Z", "root", "-s", "128", "-B", "32768", "--immediate-mode", "-U", "-w", file)
	said := &lockedBuffer{}
	c.Stderr = said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; !strings.Contains(said.String(), "listening on"); i++ {
		if i == 6000 {
			t.Fatalf("tcpdump does not begin: %s", said)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() {
		for i := 0; i < 100 && !hasAll(said.String()); i++ {
			c.Process.Signal(unix.SIGUSR1)
			time.Sleep(100 * time.Millisecond)
		}
		c.Process.Signal(unix.SIGINT)
		if err := c.Wait(); err != nil || !strings.Contains(said.String(), "\n0 packets dropped by kernel") {
			t.Fatalf("tcpdump: %v\n%s", err, said)
		}
	}
}
