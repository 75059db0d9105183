//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const cutPolicy = `# Doors of this host.
default drop
open 80
knock ssh < 10000 2345 3456 -> 22 > # for administrators
defaults < within 5s >

# All of these are for people.
knock vpn < udp/7000 9000 8000 -> udp/51820 grant 1m >
knock web < 7003 7001 7002 -> 8080 >
`

// TestCutShortOnKernel applies a policy that was cut at every seventh of its bytes, as by a
// disk that was full: what is loaded stays as it is, unless a knock was left.
func TestCutShortOnKernel(t *testing.T) {
	s := newSite(t)
	write(t, s.policy, cutPolicy)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	before := s.ruleset(t)
	tried, loaded := 0, 0
	for n := 0; n < len(cutPolicy); n += 7 {
		tried++
		write(t, s.other, cutPolicy[:n])
		c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", s.other)
		said, _ := c.CombinedOutput()
		after := s.ruleset(t)
		switch status := c.ProcessState.ExitCode(); {
		case status == exitInput && after == before:
		case status == exitOK && strings.Contains(cutPolicy[:n], " >") && strings.Contains(after, `comment "ssh 3/3 opens"`):
			loaded++
			s.knockc(t, "apply", s.policy)
			before = s.ruleset(t) // in another order
		default:
			t.Errorf("cut at byte %d: exit status %d, it says\n%s\nloaded is\n%s", n, status, said, after)
		}
	}
	if loaded == 0 || loaded > tried/2 {
		t.Errorf("%d of %d parts were loaded", loaded, tried)
	}
}

// TestCutShortScript builds from what is left of the policy after a cut at each of its
// bytes: a script stays as it is unless a knock was left.
func TestCutShortScript(t *testing.T) {
	folder := t.TempDir()
	policy, script := filepath.Join(folder, "policy.knock"), filepath.Join(folder, "out.nft")
	for n := range len(cutPolicy) {
		write(t, policy, cutPolicy[:n])
		write(t, script, "old")
		var said bytes.Buffer
		status := run([]string{"build", "-o", script, policy}, nil, &said, &said)
		built, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case status == exitInput && string(built) == "old":
		case status == exitOK && strings.Contains(cutPolicy[:n], " >") && strings.Contains(string(built), `comment "ssh 3/3 opens"`):
		default:
			t.Errorf("cut at byte %d: exit status %d, it says\n%s\nthe script is\n%s", n, status, &said, built)
		}
	}
}

// TestUnitReloadOnKernel runs what the unit runs, with a policy that was cut short.
func TestUnitReloadOnKernel(t *testing.T) {
	s := newSite(t)
	unit, err := os.ReadFile("../../packaging/knockc.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"ExecStart", "ExecReload"} {
		command := regexp.MustCompile(`(?m)^` + event + `=/usr/bin/(knockc .*) /etc/knockc/policy.knock$`).FindSubmatch(unit)
		if command == nil {
			t.Fatalf("the unit has no %s that loads the policy", event)
		}
		args := strings.Fields(string(command[1]))
		write(t, s.policy, cutPolicy)
		s.Host.Run(t, append(args, s.policy)...)
		before := s.ruleset(t)
		write(t, s.policy, cutPolicy[:strings.Index(cutPolicy, "knock")])
		c := s.Host.Command(t.Context(), append(args, s.policy)...)
		if said, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != exitInput {
			t.Errorf("%s: exit status %d, it says\n%s", event, c.ProcessState.ExitCode(), said)
		}
		if after := s.ruleset(t); after != before {
			t.Errorf("%s: loaded was\n%s\nand is\n%s", event, before, after)
		}
	}
}

// ruleset is all that is loaded on the host, without what sources have done.
func (s site) ruleset(t *testing.T) string {
	t.Helper()
	return s.Host.Run(t, "nft", "-s", "list", "ruleset")
}
