//go:build linux

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fragmentSite is a host with a policy as a fragment in a table of its own.
func fragmentSite(t *testing.T, settings string) site {
	t.Helper()
	s := newSite(t)
	write(t, s.policy, settings+livePolicy)
	fragment := filepath.Join(t.TempDir(), "knock.nft")
	s.knockc(t, "build", "-fragment", "-o", fragment, s.policy)
	firewall := filepath.Join(t.TempDir(), "filter.nft")
	jumps := "type filter hook prerouting priority -110\n\t\tjump knockc_guard\n\t}\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t\tjump knockc_arrived"
	if settings != "" {
		jumps = "type filter hook input priority 0; policy drop;\n\t\tjump knockc"
	}
	write(t, firewall, fmt.Sprintf(`
table inet filter {
	set first4 { type ipv4_addr; }
	include %q
	chain knockc_not { }
	chain pre {
		%s
		ct state established accept
	}
}
`, fragment, jumps))
	s.Host.Run(t, "nft", "-f", firewall)
	return s
}

// TestFragmentCommandsOnKernel: the commands work on a fragment as on a table of its own,
// and do not remove what is the user's.
func TestFragmentCommandsOnKernel(t *testing.T) {
	for _, f := range []struct{ settings, input, guard, entries string }{
		{"", "in", "knockc_guard", "jumps to knockc_guard and knockc_arrived"},
		{"hook input\n", "pre", "knockc", "jump to knockc"},
	} {
		s := fragmentSite(t, f.settings)
		s.Host.Serve(t, "22")
		_, says := s.follow(t, "-n", "3", "192.0.2.2")
		s.Peer.Run(t, "knockc", "knock", "-policy", s.policy, "-delay", "20ms", "ssh", "192.0.2.1")
		if said, _ := io.ReadAll(says); !regexp.MustCompile(`-> 2345      pass    ssh 2/3; then drop: inet filter, ` + f.input + `: policy drop\n`).Match(said) {
			t.Errorf("follow says\n%s", said)
		}
		if !s.finds(t, "192.0.2.1", "22", true) || !s.finds(t, "2001:db8::1", "22", false) {
			t.Fatal("the fragment does not guard")
		}
		status := s.knockc(t, "status", s.policy)
		for _, want := range []string{
			`^fragment knockc in table inet filter, policy [0-9a-f]{16}, which\s+is\s+\S+/policy.knock\n`,
			`(?m)^192\.0\.2\.2 +ssh +open +(10m|9m\d*s?)`,
			`(?m)^ssh +22 +1 +0 +2 +1 +1 +[1-9]$`,
		} {
			if !regexp.MustCompile(want).MatchString(status) {
				t.Errorf("the status does not match %s:\n%s", want, status)
			}
		}
		if said := s.knockc(t, "revoke", "all"); !strings.HasPrefix(said, "ssh is shut for 192.0.2.2, ") || !s.finds(t, "192.0.2.1", "22", false) {
			t.Errorf("revoke says\n%s", said)
		}
		if said := s.knockc(t, "grant", "-table", "filter", "ssh", "192.0.2.2"); said != "ssh is open for 192.0.2.2, for 10m\n" || !s.finds(t, "192.0.2.1", "22", true) {
			t.Errorf("grant says\n%s", said)
		}
		before := s.Host.Run(t, "nft", "-s", "-t", "list", "table", "inet", "filter")
		s.fails(t, exitSystem, "knockc: fragment knockc in table inet filter is part of a table of your own: take its include and the "+f.entries+
			" out of the file of that table, and load the file once with `delete table inet filter` in place of the flush", "knockc", "remove")
		if after := s.Host.Run(t, "nft", "-s", "-t", "list", "table", "inet", "filter"); after != before {
			t.Errorf("remove has changed the table to\n%s", after)
		}
		s.Host.Run(t, "nft", "insert", "rule", "inet", "filter", "knockc_tcp_22", "counter")
		c := s.Host.Command(t.Context(), "knockc", "status", s.policy)
		if changed, _ := c.Output(); c.ProcessState.ExitCode() != exitInput || !strings.Contains(unwrapped(changed), " CHANGED BY HAND: chain tcp_22 has ") {
			t.Errorf("after a change by hand the status is\n%s", changed)
		}
		s.Host.Run(t, "nft", "flush", "chain", "inet", "filter", "pre")
		c = s.Host.Command(t.Context(), "knockc", "status")
		if out, _ := c.Output(); c.ProcessState.ExitCode() != exitInput || !strings.Contains(string(out), "\nNOT IN USE: no rule of table inet filter jumps to "+f.guard+"\n") {
			t.Errorf("without the jump the status is\n%s", out)
		}
	}
}

// TestSeveralOnKernel: with several policies status shows all, and what changes one wants
// to know which.
func TestSeveralOnKernel(t *testing.T) {
	s := fragmentSite(t, "")
	hidden := filepath.Join(t.TempDir(), "hidden.knock")
	write(t, hidden, "table hidden\n"+otherPolicy)
	const guards = "knockc: warning: fragment knockc in table inet filter guards as well: take it out of the file of that table\n"
	c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", hidden)
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), guards) {
		t.Errorf("%v, apply says\n%s", err, out)
	}
	if all := s.knockc(t, "status"); !regexp.MustCompile(`(?s)(^|\n)fragment knockc in table inet filter, policy .*\nweb `).MatchString(all) ||
		!regexp.MustCompile(`(?s)(^|\n)table inet hidden, policy .*\nnew `).MatchString(all) {
		t.Errorf("the status is\n%s", all)
	}
	if metrics := s.knockc(t, "status", "-prometheus"); strings.Count(metrics, "# TYPE knockc_opened_total ") != 1 ||
		!strings.Contains(metrics, "\nknockc_loaded{table=\"hidden\"} 1\n") || !strings.Contains(metrics, "\nknockc_loaded{table=\"filter\",fragment=\"knockc\"} 1\n") {
		t.Errorf("the metrics are\n%s", metrics)
	}
	if one := s.knockc(t, "status", hidden); strings.Contains(one, "inet filter") {
		t.Errorf("the status of one is\n%s", one)
	}
	several := regexp.MustCompile("^knockc: there are policies in (table inet hidden and fragment knockc in table inet filter|fragment knockc in table inet filter and table inet hidden): say which with -table NAME\n$")
	for _, args := range [][]string{{"grant", "ssh", "192.0.2.2"}, {"revoke", "all"}, {"remove"}, {"follow", "ssh"}} {
		c := s.Host.Command(t.Context(), append([]string{"knockc"}, args...)...)
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != exitSystem || !several.Match(out) {
			t.Errorf("%s ends with %d and says %s", args[0], c.ProcessState.ExitCode(), out)
		}
	}
	if said := s.knockc(t, "grant", "-table", "knockc", "web", "192.0.2.2"); !strings.HasPrefix(said, "web is open") {
		t.Errorf("grant says\n%s", said)
	}
	s.knockc(t, "remove", "-table", "hidden")
	if said := s.knockc(t, "revoke", "all"); !strings.HasPrefix(said, "web is shut") {
		t.Errorf("revoke says\n%s", said)
	}
}

// TestOtherNameOnKernel: a table with another name is found, and so is its trial.
func TestOtherNameOnKernel(t *testing.T) {
	s := newSite(t)
	write(t, s.policy, "table hidden\n"+livePolicy)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	s.knockc(t, "grant", "ssh", "192.0.2.2")
	write(t, s.other, "table hidden\n"+otherPolicy)
	s.onTrial(t, "1m", s.other)
	if status := s.knockc(t, "status"); !strings.Contains(unwrapped([]byte(status)), " ON TRIAL: rolled back in ") {
		t.Errorf("the status is\n%s", status)
	}
	if said := s.knockc(t, "rollback"); said != "rolled back: the rules are as they were before\n" {
		t.Errorf("rollback says %s", said)
	}
	if said := s.knockc(t, "remove"); said != "removed table inet hidden, with 2 knocks and 1 open door\n" {
		t.Errorf("remove says %s", said)
	}
}
