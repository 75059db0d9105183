//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// TestLiveDocumentOnKernel: live.md shows what the commands print, except for times.
func TestLiveDocumentOnKernel(t *testing.T) {
	text, err := os.ReadFile("../../spec/live.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	h := netns.New(t, "eth0")
	cleanState(t, h.Do)
	policy := filepath.Join(t.TempDir(), "policy.knock")
	knockc := func(args ...string) (said string) {
		t.Helper()
		err := h.Do(func() error {
			c := exec.Command("knockc", args...)
			c.Dir = filepath.Dir(policy)
			out, err := c.CombinedOutput()
			said = string(out)
			return err
		})
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return said
	}
	shown := func(said string) {
		t.Helper()
		times := regexp.MustCompile(`[0-9]+s([0-9]+ms)?\b`)
		indented := "    " + strings.ReplaceAll(strings.TrimSuffix(said, "\n"), "\n", "\n    ")
		indented = strings.ReplaceAll(indented, "\n    \n", "\n\n")
		if !strings.Contains(times.ReplaceAllString(string(text), "..."), times.ReplaceAllString(indented, "...")) {
			t.Errorf("live.md does not show\n%s", said)
		}
	}
	const ssh = "knock ssh < 10000 2345 %d 1234 -> 22 within 5s grant 10s >\n"
	apply := func(policyText string) string {
		t.Helper()
		write(t, policy, policyText)
		return knockc("apply", "-settle", "0", "policy.knock")
	}
	apply("hook input\n" + fmt.Sprintf(ssh, 3456))
	settings, _, _ := strings.Cut(apply(fmt.Sprintf(ssh, 3456)), "\n")
	shown(settings)
	shown(apply(fmt.Sprintf(ssh, 3457) + "knock web < 9001 9003 9002 -> 80 >\n"))

	knockc("remove")
	apply(fmt.Sprintf(ssh, 3456) + "knock vpn < udp/7000 9000 udp/8000 -> udp/51820 8000-8010 within 2s grant 1m reset any >\n")
	for source, ports := range map[string][]uint16{"192.0.2.7": {10000, 2345, 3456, 1234, 1234, 22}, "192.0.2.9": {10000, 2345, 22, 22, 8000}} {
		for _, port := range ports {
			if _, err := h.Send(netns.Packet{Src: netip.MustParseAddr(source), Proto: netns.TCP, DstPort: port, Flags: netns.SYN}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kind, _ := checkJSON(t, knockc("status", "-json", "policy.knock")); kind != "status" {
		t.Errorf("status prints a %s", kind)
	}
	status, _, _ := strings.Cut(knockc("status", "policy.knock"), "first6")
	shown(strings.TrimRight(status, " \n"))
}
