//go:build linux

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const hostFilter = `table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 8081 accept
	}
}
table ip nat {
	chain pre {
		type nat hook prerouting priority dstnat;
		tcp dport 8080 redirect to :8081
		tcp dport 8090 redirect to :8091
	}
}
`

// follow begins to follow, and comes back when that has begun.
func (s site) follow(t *testing.T, args ...string) (c *exec.Cmd, says io.ReadCloser) {
	t.Helper()
	c = s.Host.Command(t.Context(), append([]string{"knockc", "follow"}, args...)...)
	says, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "follow", func() bool {
		return strings.Contains(s.Host.Run(t, "nft", "list", "tables"), "knockc_follow")
	})
	return c, says
}

// TestFollowOnKernel follows a client that knocks at a host whose own firewall keeps the
// port shut, and then a knock.
func TestFollowOnKernel(t *testing.T) {
	s := newSite(t)
	filter := t.TempDir() + "/filter.nft"
	write(t, filter, hostFilter)
	s.Host.Run(t, "nft", "-f", filter)
	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.policy)

	s.needsNft(t, "follow 192.0.2.2")

	c, says := s.follow(t, "-n", "3", "192.0.2.2")
	s.Peer.Run(t, "knockc", "knock", "-policy", s.policy, "-delay", "50ms", "ssh", "192.0.2.1")
	said, _ := io.ReadAll(says)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	const stopped = `inet filter, input: policy drop`
	want := regexp.MustCompile(`^\S+  192.0.2.2       -> 10000     pass    ssh 1/3; then drop: ` + stopped + `
\S+  192.0.2.2       -> 2345      pass    ssh 2/3; then drop: ` + stopped + `
\S+  192.0.2.2       -> udp/3456  pass    ssh open; then drop: ` + stopped + `
$`)
	if !want.Match(said) {
		t.Errorf("follow says\n%s", said)
	}
	if tables := s.Host.Run(t, "nft", "list", "tables"); strings.Contains(tables, "follow") {
		t.Errorf("it leaves %s", tables)
	}

	c, says = s.follow(t, "192.0.2.0/24")
	for _, test := range [][2]string{ // an attempt that is dropped is sent again
		{"22", "22        accept  then drop: " + stopped}, {"80", "80        drop"},
		{"8080", "8080      pass    then sent elsewhere: ip nat, pre: tcp dport 8080 redirect to :8081"},
		{"8090", "8090      pass    then sent elsewhere: ip nat, pre: tcp dport 8090 redirect to :8091; then drop: " + stopped},
	} {
		s.Peer.Dial(t, "192.0.2.1:"+test[0])
		readUntil(t, says, "  192.0.2.2       -> "+test[1]+"\n")
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()

	c, says = s.follow(t, "web")
	s.fails(t, exitSystem, "knockc: another knockc follow is running on this host", "knockc", "follow", "web")
	s.knockc(t, "status", s.policy) // which is not changed by hand, and does not end it
	s.Peer.Dial(t, "192.0.2.1:10000")
	s.Peer.Dial(t, "[2001:db8::1]:7003")
	readUntil(t, says, "2001:db8::2     -> 7003      pass    web 1/3; then drop: "+stopped+"\n")
	c.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, says)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	s.fails(t, exitSystem, "knockc: no knock `vpn` in the loaded policy: it has ssh, web", "knockc", "follow", "vpn")
}

// TestFollowTooManyOnKernel: the kernel tells of more than there is room for while follow
// does not read.
func TestFollowTooManyOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.RunWith(t, "table inet many { chain in { type filter hook input priority 5\n"+strings.Repeat("counter\n", 1000)+"}\n}\n", "nft", "-f", "-")
	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.policy)
	c, says := s.follow(t, "-v", "192.0.2.2")
	c.Process.Signal(unix.SIGSTOP)
	var packet net.Conn
	err := s.Peer.Do(func() (err error) {
		packet, err = net.Dial("udp", "192.0.2.1:9000")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer packet.Close()
	for range 100 {
		packet.Write(nil)
	}
	s.Peer.Dial(t, "192.0.2.1:1") // an answer comes after all that
	c.Process.Signal(unix.SIGCONT)
	readUntil(t, says, "  too many packets at once: some are not shown\n")
	s.Peer.Dial(t, "192.0.2.1:22")
	readUntil(t, says, "  192.0.2.2       -> 22        drop\n")
	c.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, says)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// TestFollowKilledOnKernel: what follow leaves when it is killed ends by itself, and the
// next command removes it.
func TestFollowKilledOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.policy)
	c, _ := s.follow(t, "192.0.2.2")
	c.Process.Kill()
	c.Wait()
	left := s.Host.Run(t, "nft", "list", "table", "inet", "knockc_follow")
	if !regexp.MustCompile(`elements = \{ icmp expires [12]\d`).MatchString(left) {
		t.Errorf("it leaves for ever\n%s", left)
	}
	s.knockc(t, "status", s.policy)
	if tables := s.Host.Run(t, "nft", "list", "tables"); tables != "table inet knockc\n" {
		t.Errorf("left is %s", tables)
	}
}

// TestFollowChangedOnKernel: while follow runs, another file of rules is loaded, whose handles
// are those of the older rules, and another policy, in which the knock has other ports.
func TestFollowChangedOnKernel(t *testing.T) {
	s := newSite(t)
	filter := t.TempDir() + "/filter.nft"
	write(t, filter, hostFilter)
	s.Host.Run(t, "nft", "-f", filter)
	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.policy)
	follow := func(args ...string) (says io.Reader, end func()) {
		c, says := s.follow(t, args...)
		return says, func() {
			c.Process.Signal(os.Interrupt)
			io.Copy(io.Discard, says)
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		}
	}
	says, end := follow("192.0.2.2")
	s.Peer.Dial(t, "192.0.2.1:8080")
	readUntil(t, says, "then sent elsewhere: ip nat, pre: tcp dport 8080 redirect to :8081\n")
	write(t, filter, "flush ruleset\n"+strings.ReplaceAll(hostFilter, "8080", "8079-8082"))
	s.Host.Run(t, "nft", "-f", filter)
	s.waitFor(t, "follow again", func() bool { return strings.Contains(s.Host.Run(t, "nft", "list", "tables"), "knockc_follow") })
	s.Peer.Dial(t, "192.0.2.1:8080")
	readUntil(t, says, "then sent elsewhere: ip nat, pre: tcp dport 8079-8082 redirect to :8081\n")
	end()

	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.policy)
	says, end = follow("ssh")
	s.knockc(t, "apply", "-rehearse=false", "-settle", "0", s.other)
	s.waitFor(t, "other ports", func() bool {
		return strings.Contains(s.Host.Run(t, "nft", "list", "table", "inet", "knockc_follow"), "udp dport 3457")
	})
	s.Peer.Run(t, "knockc", "knock", "-policy", s.other, "-delay", "50ms", "ssh", "192.0.2.1")
	readUntil(t, says, "192.0.2.2       -> udp/3457  drop    ssh open\n")
	end()
}
