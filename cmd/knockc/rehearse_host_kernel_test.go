//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestApplyBesideDockerOnKernel: at the hook input the guard of a published port would be
// passed by, so apply stops and names Docker's rule. At the usual hook it loads.
func TestApplyBesideDockerOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Sysctl(t, "ipv4/ip_forward", "1")
	s.Host.IP(t, "link add docker0 type bridge", "link set docker0 up", "address add 172.17.0.1/16 dev docker0")
	rules, err := os.ReadFile("../../testdata/docker/rules.v4")
	if err != nil {
		t.Fatal(err)
	}
	s.Host.RunWith(t, string(rules), "iptables-nft-restore", "-n")
	apply := func(policy string) (string, int) {
		write(t, s.policy, policy)
		return s.said(t, "knockc", "apply", "-settle", "0", s.policy)
	}
	const open = "knockc: warning: knock web, 8080, IPv4: OPEN WITHOUT A KNOCK\n" +
		"    table ip nat, chain DOCKER: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n" +
		"    hint: leave out `hook input`\n" +
		"knockc: nothing is loaded, because a door would stand open: -anyway loads the policy all the same\n"
	if said, status := apply("hook input\n" + webPolicy); status != exitInput || said != open {
		t.Errorf("exit status %d:\n%s", status, said)
	}
	if said, status := apply(webPolicy); status != exitOK || strings.Contains(said, "warning") {
		t.Errorf("at the usual hook: exit status %d:\n%s", status, said)
	}
}

// TestRehearseWithOlderNftOnKernel: an nft that cannot list a table, cannot read what it lists,
// or loads something else, tells nothing about the doors.
func TestRehearseWithOlderNftOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Load(t, dropping+"table inet other {\n}\n")
	path, err := exec.LookPath("nft")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	nft, older := filepath.Join(folder, "nft"), filepath.Join(folder, "older")
	s.Host.Run(t, "cp", path, nft)
	for _, test := range []struct{ does, lost string }{
		{`$nft "$@" | grep -q "inet filter {" && kill -SEGV $$`, "nft prints what it does not read: # nft: signal: segmentation fault"},
		{`case "$*" in *list*) $nft "$@" | sed "s/icmpv6 }/[invalid type] }/; s/ipv6-icmp }/[invalid type] }/"; exit; esac`, "nft prints what it does not read: meta l4proto { icmp, [invalid type] } accept"},
		{`case "$*" in *-f*) sed "s/ct state established,related/ct state related/" | $nft "$@"; exit; esac`, "the copy has `ct state related accept`, and not `ct state established,related accept`"},
	} {
		if err := os.WriteFile(older, []byte("#!/bin/sh\nnft="+nft+"\n"+test.does+"\nexec $nft \"$@\"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		said, status := s.said(t, "unshare", "--mount", "sh", "-c", "mount --bind "+older+" "+path+`; exec "$@"`, "sh", "knockc", "rehearse", s.policy)
		first, rest, _ := strings.Cut(said, "\n")
		if want := "table inet filter could not be copied: " + test.lost; first != want || status != exitOK || strings.Count(rest, ": not judged: ") != 4 {
			t.Errorf("exit status %d, want %d and %s\n%s", status, exitOK, want, said)
		}
	}
}
