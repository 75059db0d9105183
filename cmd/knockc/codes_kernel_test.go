//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/internal/netns"
)

// codeDoor is a door that a code opens.
type codeDoor struct {
	door
	key    codes.Key
	period time.Duration
}

func newCodeDoor(t *testing.T, period string) codeDoor {
	t.Helper()
	d := codeDoor{door: newDoor(t, "refuse reject\nknock ssh < 7000 otp/62201 -> 22 within 30s grant 1m reset any key \"ssh.key\" period "+period+" >\n"), key: codes.NewKey()}
	d.period, _ = time.ParseDuration(period)
	if err := codes.WriteKey(filepath.Join(filepath.Dir(d.policy), "ssh.key"), d.key); err != nil {
		t.Fatal(err)
	}
	return d
}

// early waits for the next period if little is left of this one: what the test does next
// must be over in the same.
func early(period, takes time.Duration) {
	now := time.Now()
	if left := codes.Begins(codes.Period(now, period)+1, period).Sub(now); left < takes {
		time.Sleep(left)
	}
}

// load loads codes of some periods, counted from the present one.
func (d codeDoor) load(t *testing.T, periods ...int64) {
	t.Helper()
	now := codes.Period(time.Now(), d.period)
	for _, n := range periods {
		mac := d.key.Of("ssh", now+n)
		code := mac.Code()
		d.Host.Run(t, "nft", fmt.Sprintf("add element inet knockc ssh_codes { 0x%x timeout 2h }", code[:]))
	}
}

// TestClientsWithCodesOnKernel opens a door with the code that each client sends. The
// same code once more opens nothing.
func TestClientsWithCodesOnKernel(t *testing.T) {
	for _, client := range []struct {
		name     string
		programs string
		visit    func(t *testing.T, d codeDoor, host string)
	}{
		{"policy", "", func(t *testing.T, d codeDoor, host string) {
			d.knockc(t, "knock", "-policy", d.policy, "ssh", host)
		}},
		{"steps", "", func(t *testing.T, d codeDoor, host string) {
			key := filepath.Join(filepath.Dir(d.policy), "ssh.key")
			d.knockc(t, "knock", "-steps", "7000 otp/62201", "-key", key, "-name", "ssh", "-period", "1h", host)
		}},
		{"bash", "bash openssl", func(t *testing.T, d codeDoor, host string) { d.paste(t, "bash", host) }},
		{"nc", "nc openssl", func(t *testing.T, d codeDoor, host string) { d.paste(t, "nc", host) }},
		{"python", "python3", func(t *testing.T, d codeDoor, host string) { d.paste(t, "python", host) }},
		{"ssh", "ssh bash openssl", func(t *testing.T, d codeDoor, host string) {
			d.ssh(t, "ssh", host, "-G")
		}},
		{"proxy", "ssh nc openssl", func(t *testing.T, d codeDoor, host string) {
			d.ssh(t, "ssh-nc", host)
		}},
	} {
		t.Run(client.name, func(t *testing.T) {
			needPrograms(t, strings.Fields(client.programs)...)
			d := newCodeDoor(t, "1h")
			for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
				d.wantOpen(t, host, false)
				early(d.period, time.Minute)
				opened := false
				for try := 1; try <= 3 && !opened; try++ { // on a busy machine one program may start before another
					d.load(t, 0, 1)
					client.visit(t, d, host)
					opened = d.isOpen(t, host)
				}
				d.wantOpen(t, host, true)
				d.Host.Run(t, "knockc", "revoke", "ssh")
				client.visit(t, d, host)
				d.wantOpen(t, host, false)
			}
		})
	}
}

// TestNextCodeOnKernel: the host has no code for the present period, so -verify waits for
// the next one and gets in then.
func TestNextCodeOnKernel(t *testing.T) {
	d := newCodeDoor(t, "30s")
	early(d.period, 15*time.Second)
	d.load(t, 1, 2)
	said := d.knockc(t, "knock", "-policy", d.policy, "-verify", "-delay", "100ms", "ssh", "192.0.2.1")
	want := regexp.MustCompile(`^sent to 192.0.2.1, 100ms apart: 7000 otp/62201
ssh at 192.0.2.1 port 22: still closed
waiting [0-9]+s for the next code
sent to 192.0.2.1, 200ms apart: 7000 otp/62201
ssh at 192.0.2.1 port 22: open
$`)
	if !want.MatchString(said) {
		t.Errorf("knockc says\n%s", said)
	}
}

// TestFirstCodeOnKernel goes the way of codes.md: a key, a policy, apply, and on the other
// machine one line of bash. Then ssh answers. In the same period the line opens nothing more.
func TestFirstCodeOnKernel(t *testing.T) {
	needPrograms(t, "bash", "openssl")
	p := netns.NewPair(t, "setpriv", "unshare")
	d := door{p, filepath.Join(t.TempDir(), "policy.knock")}
	cleanState(t, p.Host.Do)
	key := d.serveSSH(t)
	early(time.Hour, time.Minute)
	write(t, d.policy, "refuse reject\nknock ssh < otp/62201 -> 22 key \"ssh.key\" grant 1m period 1h >\n")
	said := p.Host.Run(t, "unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mount -t tmpfs none /var/lib && cd "+filepath.Dir(d.policy)+
		" && knockc key ssh.key && knockc apply -rehearse=false -settle 0 policy.knock")
	for _, want := range []string{"ssh.key: a new key, which only you can read\n", "\nssh: 169 codes until "} {
		if !strings.Contains(said, want) {
			t.Errorf("knockc says\n%s\nwant %q", said, want)
		}
	}
	if said, err := d.sshes(t, key); err == nil {
		t.Errorf("without a knock ssh says %s", said)
	}
	d.paste(t, "bash", "192.0.2.1")
	if said, err := d.sshes(t, key); err != nil || said != "in\n" {
		t.Errorf("after the knock ssh says %s (%v)", said, err)
	}
	p.Host.Run(t, "knockc", "revoke", "ssh")
	d.paste(t, "bash", "192.0.2.1")
	if said, err := d.sshes(t, key); err == nil {
		t.Errorf("after a replay ssh says %s", said)
	}
}

// serveSSH runs OpenSSH's server on the host, and returns the file of a key for root.
func (d door) serveSSH(t *testing.T) (key string) {
	t.Helper()
	const server = "/usr/sbin/sshd" // wants to be called so
	needPrograms(t, server, "ssh", "ssh-keygen")
	folder := t.TempDir()
	key = filepath.Join(folder, "id")
	for _, file := range []string{key, filepath.Join(folder, "host")} {
		d.Host.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
	}
	config := filepath.Join(folder, "sshd_config")
	write(t, config, fmt.Sprintf("HostKey %s/host\nAuthorizedKeysFile %[1]s/id.pub\nStrictModes no\nUsePAM no\nPidFile none\n", folder))
	c := d.Host.Command(t.Context(), "unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/sshd && exec "+server+" -D -f "+config)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	for deadline := time.Now().Add(time.Minute); !d.isOpen(t, "192.0.2.1"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("sshd does not answer")
		}
	}
	return key
}

// sshes is what a command prints that ssh runs on the host.
func (d door) sshes(t *testing.T, key string) (string, error) {
	t.Helper()
	out, err := d.Peer.Command(t.Context(), "ssh", "-F", "none", "-i", key, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@192.0.2.1", "echo in").CombinedOutput()
	return string(out), err
}
