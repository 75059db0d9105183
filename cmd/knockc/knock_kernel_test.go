//go:build linux

package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

// doorPolicy begins again at every wrong attempt, so a client must send the steps
// and nothing else.
const doorPolicy = `refuse reject
knock ssh < 10000 2345 udp/3456 1234 -> 22 udp/51820 within 30s grant 1m reset any >
`

// door is a host behind a policy, and a peer that wants to be let in.
type door struct {
	*netns.Pair
	policy string // its file
}

func newDoor(t *testing.T, policy string) door {
	t.Helper()
	d := door{netns.NewPair(t, "setpriv"), filepath.Join(t.TempDir(), "policy.knock")}
	cleanState(t, d.Host.Do)
	if err := os.WriteFile(d.policy, []byte(policy), 0o666); err != nil {
		t.Fatal(err)
	}
	d.Host.Serve(t, "22")
	d.Host.RunWith(t, d.Host.Run(t, "knockc", "build", d.policy), "nft", "-f", "-")
	return d
}

// wantOpen holds the door to being open or not.
func (d door) wantOpen(t *testing.T, host string, want bool) {
	t.Helper()
	if !d.Peer.Finds(t, net.JoinHostPort(host, "22"), want) {
		t.Errorf("the door at %s: open = %v, want %v", host, !want, want)
	}
}

func (d door) isOpen(t *testing.T, host string) bool {
	t.Helper()
	_, err := d.Peer.Dial(t, net.JoinHostPort(host, "22"))
	return err == nil
}

// knockc runs the client without any privilege.
func (d door) knockc(t *testing.T, args ...string) string {
	t.Helper()
	return d.Peer.Run(t, append([]string{"setpriv", "--bounding-set=-all", "knockc"}, args...)...)
}

// form is what the command client prints.
func (d door) form(t *testing.T, format, host string) string {
	t.Helper()
	return d.knockc(t, "client", "-policy", d.policy, "-delay", "200ms", "-format", format, "ssh", host)
}

// paste runs a printed form as the shell of its reader does.
func (d door) paste(t *testing.T, format, host string) {
	t.Helper()
	d.Peer.Run(t, "sh", "-c", d.form(t, format, host))
}

// wgQuick runs a printed hook as wg-quick does: bash evaluates what follows the name.
func (d door) wgQuick(t *testing.T, host string) {
	t.Helper()
	hook, ok := strings.CutPrefix(d.form(t, "wg-quick", host), "PreUp = ")
	if !ok || strings.Count(hook, "\n") != 1 {
		t.Fatalf("not a line for wg-quick: %q", hook)
	}
	d.Peer.RunWith(t, hook, "bash", "-c", "set -e; read -r hook; (eval \"$hook\")")
}

// ssh has ssh read a printed form as its configuration. How it ends is not asked:
// the service behind the door does not speak SSH.
func (d door) ssh(t *testing.T, format, host string, args ...string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte(d.form(t, format, host)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	out, _ := d.Peer.Command(ctx, append([]string{"ssh", "-F", config, "-o", "BatchMode=yes"}, append(args, host)...)...).CombinedOutput()
	t.Logf("ssh: %.300s", out)
}

// TestClientsOnKernel opens a door with each client that knockc is or prints. It is
// closed before and open after, over IPv4 and IPv6.
func TestClientsOnKernel(t *testing.T) {
	for _, client := range []struct {
		name     string
		programs []string
		visit    func(t *testing.T, d door, host string)
	}{
		{"policy", nil, func(t *testing.T, d door, host string) {
			d.knockc(t, "knock", "-policy", d.policy, "ssh", host)
		}},
		{"steps", nil, func(t *testing.T, d door, host string) {
			d.knockc(t, "knock", "-steps", "10000 2345 udp/3456 1234", "-delay", "20ms", host)
		}},
		{"verify", nil, func(t *testing.T, d door, host string) {
			said := d.knockc(t, "knock", "-policy", d.policy, "-verify", "ssh", host)
			if !strings.HasSuffix(said, "\nssh at "+host+" port 22: open\n") {
				t.Errorf("knockc says %q", said)
			}
		}},
		{"bash", []string{"bash"}, func(t *testing.T, d door, host string) { d.paste(t, "bash", host) }},
		{"nc", []string{"nc"}, func(t *testing.T, d door, host string) { d.paste(t, "nc", host) }},
		{"python", []string{"python3"}, func(t *testing.T, d door, host string) { d.paste(t, "python", host) }},
		{"knock", []string{"knock"}, func(t *testing.T, d door, host string) { d.paste(t, "knock", host) }},
		{"ssh", []string{"ssh", "bash"}, func(t *testing.T, d door, host string) {
			d.ssh(t, "ssh", host, "-G")
		}},
		{"ssh-nc", []string{"ssh", "nc"}, func(t *testing.T, d door, host string) { d.ssh(t, "ssh-nc", host) }},
		{"wg-quick", []string{"bash"}, func(t *testing.T, d door, host string) { d.wgQuick(t, host) }},
	} {
		t.Run(client.name, func(t *testing.T) {
			needPrograms(t, client.programs...)
			tries := 1
			if len(client.programs) > 0 {
				tries = 3 // on a busy machine one program may start before another
			}
			d := newDoor(t, doorPolicy)
			for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
				d.wantOpen(t, host, false)
				client.visit(t, d, host)
				for try := 1; try < tries && !d.isOpen(t, host); try++ {
					t.Logf("knocked in vain at %s", host)
					client.visit(t, d, host)
				}
				d.wantOpen(t, host, true)
			}
		})
	}
}

// needPrograms skips a test for which a program is missing.
func needPrograms(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("KNOCKC_KERNEL") == "required" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// TestStillClosedOnKernel knocks wrongly: -verify tries three times, slower each
// time, and exits with 1.
func TestStillClosedOnKernel(t *testing.T) {
	d := newDoor(t, doorPolicy)
	c := d.Peer.Command(t.Context(), "knockc", "knock", "-steps", "1234 10000", "-delay", "50ms", "-verify", "-service", "22", "192.0.2.1")
	out, _ := c.Output()
	const want = `sent to 192.0.2.1, 50ms apart: 1234 10000
192.0.2.1 port 22: still closed
sent to 192.0.2.1, 100ms apart: 1234 10000
192.0.2.1 port 22: still closed
sent to 192.0.2.1, 200ms apart: 1234 10000
192.0.2.1 port 22: still closed
`
	if string(out) != want || c.ProcessState.ExitCode() != exitInput {
		t.Errorf("exit status %d, said\n%swant\n%s", c.ProcessState.ExitCode(), out, want)
	}
}

// TestFamiliesOnKernel knocks at a host with two addresses, whose IPv6 does not let
// anyone in.
func TestFamiliesOnKernel(t *testing.T) {
	d := newDoor(t, doorPolicy)
	d.Host.RunWith(t, `table ip6 shut {
		chain input {
			type filter hook input priority -100
			tcp dport 22 reject with tcp reset
		}
	}`, "nft", "-f", "-")
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.1 door.example\n2001:db8::1 door.example\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const open4 = `sent to 192.0.2.1, 50ms apart: 10000 2345 udp/3456 1234
ssh at 192.0.2.1 port 22: open
`
	for _, test := range []struct{ family, want string }{
		{"4", open4},
		{"any", `sent to 2001:db8::1, 50ms apart: 10000 2345 udp/3456 1234
ssh at 2001:db8::1 port 22: still closed
` + strings.Replace(open4, "50ms", "100ms", 1)},
	} {
		client := "knockc knock -verify -delay 50ms -family " + test.family + " -policy " + d.policy + " ssh door.example"
		if said := d.Peer.Run(t, "unshare", "-m", "sh", "-c", "mount --bind "+hosts+" /etc/hosts && "+client); said != test.want {
			t.Errorf("-family %s says\n%swant\n%s", test.family, said, test.want)
		}
	}
}

// TestPingOnKernel knocks by pings, where the system lets the user send them, and
// with the printed line, if there is a ping(8).
func TestPingOnKernel(t *testing.T) {
	d := newDoor(t, "refuse reject\nknock ssh < ping/2000 7000 ping -> 22 grant 1m >\n")
	c := d.Peer.Command(t.Context(), "knockc", "knock", "-policy", d.policy, "ssh", "192.0.2.1")
	out, _ := c.CombinedOutput()
	if !strings.HasPrefix(string(out), "knockc: cannot send step 1, `ping/2000`: you are not allowed to ping") || c.ProcessState.ExitCode() != exitSystem {
		t.Errorf("exit status %d, said %q", c.ProcessState.ExitCode(), out)
	}
	d.Peer.Run(t, "sh", "-c", "echo 0 0 > /proc/sys/net/ipv4/ping_group_range")
	for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
		d.wantOpen(t, host, false)
		d.knockc(t, "knock", "-policy", d.policy, "ssh", host)
		d.wantOpen(t, host, true)
		if _, err := exec.LookPath("ping"); err == nil {
			d.Host.Run(t, "knockc", "revoke", "ssh")
			d.wantOpen(t, host, false)
			d.paste(t, "bash", host)
			d.wantOpen(t, host, true)
		}
	}
}

// TestOnePacketAStepOnKernel waits until the kernel would have sent a SYN again.
func TestOnePacketAStepOnKernel(t *testing.T) {
	p := netns.NewPair(t)
	p.Host.RunWith(t, `table inet watch {
		chain input {
			type filter hook input priority -100
			iifname eth0 meta l4proto { tcp, udp } counter drop
		}
	}`, "nft", "-f", "-")
	p.Peer.Run(t, "knockc", "knock", "-steps", "1 udp/2 3", "-delay", "500ms", "192.0.2.1")
	time.Sleep(1500 * time.Millisecond)
	if said := p.Host.Run(t, "nft", "list", "table", "inet", "watch"); !strings.Contains(said, "counter packets 3 ") {
		t.Errorf("wanted 3 packets:\n%s", said)
	}
}
