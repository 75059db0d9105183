//go:build linux

package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// TestFragmentOnKernel loads the file that the help of build shows, with a fragment in
// it: the doors are guarded, and the table's own rules hold for the rest. IPv6 works
// without what the hosts have learnt of each other before. Loaded again, the file adds
// nothing, and open doors stay open.
func TestFragmentOnKernel(t *testing.T) {
	shown := regexp.MustCompile(`(?s)\n    add table inet filter\n.*?\n    \}\n`).FindString(buildCommand.long)
	if shown == "" {
		t.Fatal("the help shows no file")
	}
	prerouting := regexp.MustCompile(`(?s) *chain prerouting \{.*?\}\n`)
	for policy, table := range map[string]string{
		livePolicy:                  shown,
		"hook input\n" + livePolicy: strings.ReplaceAll(prerouting.ReplaceAllString(shown, ""), "knockc_arrived", "knockc"),
	} {
		s := newSite(t)
		write(t, s.policy, policy)
		fragment, firewall := filepath.Join(t.TempDir(), "knock.nft"), filepath.Join(t.TempDir(), "filter.nft")
		s.knockc(t, "build", "-fragment", "-o", fragment, s.policy)
		write(t, firewall, strings.ReplaceAll(table, "/etc/knock.nft", fragment))
		s.Host.Serve(t, "22")
		s.Host.Serve(t, "80")
		s.Host.Serve(t, "8080")
		load := func() (listed string) {
			s.Host.Run(t, "nft", "-f", firewall)
			return s.Host.Run(t, "nft", "list", "chain", "inet", "filter", "input")
		}
		first := load()
		for _, ns := range []netns.Namespace{s.Host, s.Peer} {
			ns.Run(t, "ip", "neigh", "flush", "all")
		}
		wants := func(host, port string, open bool) {
			t.Helper()
			if !s.finds(t, host, port, open) {
				t.Errorf("%s %s: open is not %v with\n%s%s", host, port, open, policy, table)
			}
		}
		wants("192.0.2.1", "22", false)
		wants("2001:db8::1", "80", false) // guarded, whatever the table accepts later
		wants("192.0.2.1", "8080", false) // its own policy
		for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
			s.Peer.Run(t, "knockc", "knock", "-policy", s.policy, "-delay", "20ms", "ssh", host)
			wants(host, "22", true)
		}
		if again := load(); again != first {
			t.Errorf("loaded again, the table has\n%sit had\n%s", again, first)
		}
		wants("2001:db8::1", "22", true)
	}
}

// TestFragmentAtInputAloneOnKernel: a file of the time when the hook input was the only one
// does not load with a fragment for the hook prerouting, which would let pass there what
// it dropped.
func TestFragmentAtInputAloneOnKernel(t *testing.T) {
	for settings, loads := range map[string]bool{"": false, "hook input\n": true} {
		s := newSite(t) // with no chain that another file has left
		write(t, s.policy, settings+"default drop\n"+livePolicy)
		dir := t.TempDir()
		fragment, firewall := filepath.Join(dir, "knock.nft"), filepath.Join(dir, "filter.nft")
		s.knockc(t, "build", "-fragment", "-o", fragment, s.policy)
		write(t, firewall, "table inet filter {\n\tinclude \""+fragment+"\"\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tjump knockc\n\t}\n}\n")
		if err := s.Host.Command(t.Context(), "nft", "-f", firewall).Run(); (err == nil) != loads {
			t.Errorf("%q: nft -f: %v", settings, err)
		}
	}
}

// TestFragmentSaysEntries: a fragment begins with the chains that have to be jumped to.
func TestFragmentSaysEntries(t *testing.T) {
	for policy, want := range map[string][]string{
		"knock a < 1001 1002 -> 22 >":             {"prerouting, priority -110: jump knockc_guard", "input: jump knockc_arrived"},
		"hook input knock a < 1001 1002 -> 22 >":  {"input: jump knockc"},
		"table doors knock a < 1001 1002 -> 22 >": {"prerouting, priority -110: jump doors_guard", "input: jump doors_arrived"},
		"knock a < 1001 1002 -> 22 at 10.0.0.5 >": {"prerouting, priority -110: jump knockc_guard", "input: jump knockc_arrived", "forward: jump knockc_forwarded"},
	} {
		if got := entriesSaid(t, policy); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: the fragment says\n%s", policy, strings.Join(got, "\n"))
		}
	}
}

func entriesSaid(t *testing.T, policy string) (said []string) {
	t.Helper()
	_, result, err := (&streams{}).compile("policy", []byte(policy), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range fragmentUse(result.Ruleset) {
		if at, ok := strings.CutPrefix(line, "First at "); ok {
			said = append(said, strings.Join(strings.Fields(at), " "))
		}
	}
	return said
}
