//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKnockdOnKernel: knockd opens the services of a knock with the section that client
// prints, over IPv4 and IPv6, and a closing sequence shuts them. The command that the
// section names knocks.
func TestKnockdOnKernel(t *testing.T) {
	needPrograms(t, "knockd", "knock", "iptables", "ip6tables")
	d := newDoor(t, `knock ssh < 10000 2345 udp/3456 1234 -> 22 8022 total 5m grant forever close 7001 9002 on eth0 >
`)
	config := filepath.Join(t.TempDir(), "knockd.conf")
	section := d.knockc(t, "client", "-policy", d.policy, "-format", "knockd", "-delay", "200ms", "ssh", "HOST")
	if err := os.WriteFile(config, []byte(section), 0o600); err != nil {
		t.Fatal(err)
	}
	command, _, _ := strings.Cut(strings.TrimPrefix(section, "# Clients knock with: "), "\n")

	d.Host.Run(t, "knockc", "remove")
	d.Host.Serve(t, "8022")
	for _, iptables := range []string{"iptables", "ip6tables"} {
		d.Host.Run(t, iptables, "-A", "INPUT", "-p", "tcp", "-m", "multiport", "--dports", "22,8022", "-j", "REJECT")
	}
	ctx, cancel := context.WithCancel(t.Context())
	daemon := d.Host.Command(ctx, "knockd", "-c", config, "-v")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer daemon.Wait()
	defer cancel()

	for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
		d.wantOpen(t, host, false)
		d.knocksUntil(t, true, host, strings.Replace(command, "HOST", host, 1))
		if !d.Peer.Finds(t, "["+host+"]:8022", true) {
			t.Errorf("the second service at %s is shut", host)
		}
		d.knocksUntil(t, false, host, "knock -d 200 "+host+" 7001:tcp 9002:tcp")
	}
}

// knocksUntil knocks with a command until the door is open, or shut: knockd may not listen
// yet, and needs some time for its own commands.
func (d door) knocksUntil(t *testing.T, open bool, host, command string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); d.isOpen(t, host) != open; {
		if time.Now().After(end) {
			t.Fatalf("the door at %s does not change after %q", host, command)
		}
		d.Peer.Run(t, strings.Fields(command)...)
		for try := 0; try < 10 && d.isOpen(t, host) != open; try++ {
			time.Sleep(200 * time.Millisecond)
		}
	}
}
