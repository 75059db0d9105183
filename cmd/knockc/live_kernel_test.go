//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
)

const (
	livePolicy  = "knock ssh < 10000 2345 udp/3456 -> 22 within 20s grant 10m >\nknock web < 7003 7001 7002 -> 80 grant forever close 7101 7003 >\n"
	otherPolicy = "default drop\nknock ssh < 10000 2345 udp/3457 -> 22 within 3s grant 10m >\nknock new < 7003 7001 7002 -> 81 >\n"
)

// site is a host and a peer, with policies for the host.
type site struct {
	*netns.Pair
	policy, other string // their files
}

func newSite(t *testing.T) site {
	t.Helper()
	s := site{netns.NewPair(t, "setpriv"), filepath.Join(t.TempDir(), "policy.knock"), filepath.Join(t.TempDir(), "other.knock")}
	for file, text := range map[string]string{s.policy: livePolicy, s.other: otherPolicy} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir()) // for who may not write in /run
	cleanState(t, s.Host.Do)
	return s
}

// cleanState removes what the tool leaves in /run about a host's namespace, in which do
// runs a function.
func cleanState(t *testing.T, do func(func() error) error) {
	t.Helper()
	var namespace uint64
	err := do(func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		namespace, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, _ := filepath.Glob(fmt.Sprintf("/run/knockc/%d.*", namespace))
		for _, file := range left {
			os.Remove(file)
		}
	})
}

// knockc runs the tool on the host.
func (s site) knockc(t *testing.T, args ...string) string {
	t.Helper()
	return s.Host.Run(t, append([]string{"knockc"}, args...)...)
}

// fails runs the tool on the host, and wants it to end with a status and a line.
func (s site) fails(t *testing.T, status int, line string, args ...string) {
	t.Helper()
	c := s.Host.Command(t.Context(), args...)
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != status || string(out) != line+"\n" {
		t.Errorf("%s: exit status %d, said\n%swant %d and\n%s", strings.Join(args, " "), c.ProcessState.ExitCode(), out, status, line)
	}
}

// finds reports whether a service is open, or shut, as expected.
func (s site) finds(t *testing.T, host, port string, open bool) bool {
	t.Helper()
	return s.Peer.Finds(t, net.JoinHostPort(host, port), open)
}

func (s site) listing(t *testing.T) string {
	t.Helper()
	return s.Host.Run(t, "nft", "list", "table", "inet", "knockc")
}

// TestLifeOnKernel takes a door from nothing to nothing: it is open, then guarded, then
// opened by the client and by hand, shut by hand, and unguarded again.
func TestLifeOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Serve(t, "22")
	wants := func(open bool, when string) {
		t.Helper()
		for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
			if !s.finds(t, host, "22", open) {
				t.Errorf("%s, %s: open is not %v", when, host, open)
			}
		}
	}
	wants(true, "nothing loaded")
	s.knockc(t, "apply", "-settle", "0", s.policy)
	wants(false, "loaded")
	for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
		s.Peer.Run(t, "knockc", "knock", "-policy", s.policy, "-delay", "50ms", "ssh", host)
	}
	wants(true, "knocked")
	status := s.knockc(t, "status", s.policy)
	for _, want := range []string{
		`(?m)^table inet knockc, policy [0-9a-f]{16}, which is\s+\S+/policy.knock$`,
		`(?m)^192\.0\.2\.2 +ssh +open +(10m|9m\d*s?)`,
		`(?m)^2001:db8::2 +ssh +open +(10m|9m\d*s?)`,
		`(?m)^ssh +22 +2 +0 +4 +2 +2 +[2-9]$`,
	} {
		if !regexp.MustCompile(want).MatchString(status) {
			t.Errorf("the status does not match %s:\n%s", want, status)
		}
	}
	if strings.Contains(status, "2/3") || strings.Contains(status, "grants4") {
		t.Errorf("the status has more than that:\n%s", status)
	}
	if all := s.knockc(t, "status", "-v"); !regexp.MustCompile(`(?m)^grants4 +1 +65536 +0 %$`).MatchString(all) {
		t.Errorf("with -v the sets are missing:\n%s", all)
	}
	s.knockc(t, "apply", s.policy)
	wants(true, "applied again")
	if said := s.knockc(t, "revoke", "all"); strings.Count(said, "ssh is shut for ") != 2 {
		t.Errorf("revoke says\n%s", said)
	}
	wants(false, "revoked")
	s.knockc(t, "grant", "ssh", "192.0.2.2")
	s.knockc(t, "grant", "-for", "1m", "ssh", "2001:db8::2")
	wants(true, "granted")
	if said := s.knockc(t, "remove"); said != "removed table inet knockc, with 2 knocks and 2 open doors\n" {
		t.Errorf("remove says %s", said)
	}
	wants(true, "removed")
	s.fails(t, exitSystem, "knockc: no policy is loaded: load one with `knockc apply POLICY`", "knockc", "status")
}

// TestLivingConnectionOnKernel: a connection from before anything used connection
// tracking outlives apply.
func TestLivingConnectionOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Serve(t, "22")
	c := s.Peer.Connect(t, "192.0.2.1:22")
	talking := make(chan bool)
	go func() { // in the first half of the time, so that all is acknowledged when the rules are loaded
		defer close(talking)
		for begin := time.Now(); time.Since(begin) < 600*time.Millisecond; time.Sleep(20 * time.Millisecond) {
			talk(t, c)
		}
	}()
	said := s.knockc(t, "apply", "-settle", "1200ms", "-rehearse=false", s.policy)
	<-talking
	talk(t, c)
	if !strings.HasPrefix(said, "connection tracking was off: waiting 1s200ms") {
		t.Errorf("apply says\n%s", said)
	}
	if !s.finds(t, "192.0.2.1", "22", false) {
		t.Error("the door is open")
	}
	if said := s.knockc(t, "apply", s.policy); strings.Contains(said, "tracking was off") {
		t.Errorf("the second apply says\n%s", said)
	}
}

func talk(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 5)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, b); err != nil {
		t.Error(err)
	}
}

// TestAppliesAtOnceOnKernel: of many applies at the same time each loads all of its
// policy or says that another is at it.
func TestAppliesAtOnceOnKernel(t *testing.T) {
	s := newSite(t)
	policies := []string{s.policy, s.other}
	s.knockc(t, "apply", "-settle", "0", s.policy)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			c := s.Host.Command(t.Context(), "knockc", "apply", policies[i%2])
			if out, err := c.CombinedOutput(); err != nil && !strings.Contains(string(out), "another knockc is changing this table") {
				t.Errorf("%v: %.500s", err, out)
			}
		})
	}
	all.Wait()
	for _, policy := range policies {
		c := s.Host.Command(t.Context(), "knockc", "status", policy)
		if c.Run() != nil {
			continue
		}
		if said := s.knockc(t, "apply", "-dry-run", policy); said != "nothing would change\n" {
			t.Errorf("%s is loaded, but\n%s", policy, said)
		}
		return
	}
	t.Error("neither policy is loaded")
}

// TestDryRunShowsOnKernel: if the loaded policy is the one for boot, a dry run shows by packets
// what would change for people.
func TestDryRunShowsOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	for boot, want := range map[string]string{
		s.policy: "was accept\n",  // of a port that the other policy refuses
		s.other:  "~ knock ssh: ", // the table alone says what would change
	} {
		script := "mount -t tmpfs tmpfs /etc && mkdir /etc/knockc && cp " + boot + " /etc/knockc/policy.knock && knockc apply -dry-run " + s.other
		out, err := s.Host.Command(t.Context(), "unshare", "-m", "sh", "-c", script).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("with %s at boot: %v, it does not say %q but\n%.1500s", boot, err, want, out)
		}
	}
}

// TestDryRunKeepsDoorsOnKernel: a dry run does not say that doors shut which apply keeps open
// when a ninth knock guards their port.
func TestDryRunKeepsDoorsOnKernel(t *testing.T) {
	s := newSite(t)
	eight := ""
	for i := range 8 {
		eight += fmt.Sprintf("knock k%d < %d 9002 -> 22 >\n", i, 7001+i)
	}
	write(t, s.policy, eight)
	write(t, s.other, eight+"knock k8 < 7009 9002 -> 22 >\n")
	s.knockc(t, "apply", "-settle", "0", s.policy)
	script := "mount -t tmpfs tmpfs /etc && mkdir /etc/knockc && cp " + s.policy + " /etc/knockc/policy.knock && knockc apply -dry-run " + s.other
	out, err := s.Host.Command(t.Context(), "unshare", "-m", "sh", "-c", script).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "knock k8: `< 7009") || strings.Contains(string(out), "open doors") {
		t.Errorf("%v, it says\n%.1500s", err, out)
	}
}

// TestWatchOnKernel: the status is shown again and again, until it is interrupted, also if
// someone flushes all rules meanwhile.
func TestWatchOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	c := s.Host.Command(t.Context(), "knockc", "status", "-watch")
	says, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		readUntil(t, says, "table inet knockc, policy ")
	}
	s.Host.Run(t, "nft", "flush ruleset")
	readUntil(t, says, "\nno policy is loaded: load one with `knockc apply POLICY`\n")
	s.knockc(t, "apply", "-settle", "0", s.policy)
	readUntil(t, says, "\ntable inet knockc, policy ")
	c.Process.Signal(os.Interrupt)
	if c.Wait(); c.ProcessState.ExitCode() != exitOK {
		t.Errorf("interrupted: %v", c.ProcessState)
	}
}

// TestTrackingOnKernel: that connections from before are known does not mean that those
// of now are.
func TestTrackingOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Serve(t, "22")
	s.knockc(t, "apply", "-settle", "0", s.policy)
	s.knockc(t, "grant", "ssh", "192.0.2.2")
	s.Peer.Connect(t, "192.0.2.1:22")
	s.knockc(t, "remove")
	said := s.knockc(t, "apply", "-settle", "10ms", s.policy)
	if !strings.HasPrefix(said, "connection tracking was off") {
		t.Errorf("apply says\n%s", said)
	}
}

// TestInterruptedOnKernel: an apply that is interrupted while it looks at connections
// leaves nothing.
func TestInterruptedOnKernel(t *testing.T) {
	s := newSite(t)
	c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "20s", s.policy)
	says, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	readUntil(t, says, "or it is cut\n")
	c.Process.Signal(os.Interrupt)
	if c.Wait(); c.ProcessState.ExitCode() != exitSystem {
		t.Errorf("exit status %d", c.ProcessState.ExitCode())
	}
	if tables := s.Host.Run(t, "nft", "list", "tables"); tables != "" {
		t.Errorf("it left %s", tables)
	}
}

// TestOtherTableOnKernel: who gives the table another name is told of the old one.
func TestOtherTableOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	if err := os.WriteFile(s.other, []byte("table hidden\n"+livePolicy), 0o666); err != nil {
		t.Fatal(err)
	}
	c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", s.other)
	const want = "knockc: warning: table inet knockc, which knockc has made too, guards as well: `knockc remove -table knockc` takes it out\n"
	if out, err := c.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("%v, it says\n%s", err, out)
	}
}

// TestWarningOfVRFs: the line names the devices and what to write.
func TestWarningOfVRFs(t *testing.T) {
	if err := warningOfVRFs(nil); err != nil {
		t.Error(err)
	}
	const want = "a packet that comes in by vrf-a or vrf-b, of kind vrf, passes the hook prerouting twice and would count as two: write `hook input` in the policy"
	if err := warningOfVRFs([]string{"vrf-a", "vrf-b"}); err == nil || err.Error() != want {
		t.Errorf("it says %v", err)
	}
}

// TestVRFOnKernel: apply warns of them if the guard is at prerouting.
func TestVRFOnKernel(t *testing.T) {
	s := newSite(t)
	if out, err := s.Host.Command(t.Context(), "ip", "link", "add", "red", "type", "vrf", "table", "10").CombinedOutput(); err != nil {
		t.Logf("this kernel has no such device, so nothing is tried: %s", out)
		return
	}
	for hook, warns := range map[string]bool{"": true, "hook input\n": false} {
		write(t, s.policy, hook+livePolicy)
		for _, dry := range []string{"-dry-run", "-settle=0"} {
			out, err := s.Host.Command(t.Context(), "knockc", "apply", dry, s.policy).CombinedOutput()
			if err != nil || strings.Contains(string(out), "comes in by red, of kind vrf") != warns {
				t.Errorf("%q, %s: %v, it says\n%s", hook, dry, err, out)
			}
		}
	}
}

// TestLiveErrorsOnKernel: one clear line each, and nothing half done.
func TestLiveErrorsOnKernel(t *testing.T) {
	s := newSite(t)
	const noRight = "knockc: this needs CAP_NET_ADMIN: run it as root"
	for _, args := range [][]string{{"apply", s.policy}, {"apply", "-dry-run", s.policy}, {"status"}, {"grant", "ssh", "192.0.2.2"}, {"revoke", "all"}, {"remove"}} {
		s.fails(t, exitSystem, noRight, append([]string{"setpriv", "--bounding-set=-net_admin", "knockc"}, args...)...)
	}
	s.knockc(t, "apply", "-settle", "0", s.policy)
	s.fails(t, exitSystem, "knockc: no knock `shh` in the loaded policy: it has ssh, web", "knockc", "grant", "shh", "192.0.2.2")
	s.fails(t, exitSystem, "knockc: no knock `shh` in the loaded policy: it has ssh, web", "knockc", "revoke", "shh")
	s.fails(t, exitSystem, "knockc: web grants forever, which cannot be mixed with grants that end: leave -for out", "knockc", "grant", "-for", "1h", "web", "192.0.2.2")

	s.Host.Run(t, "nft", "delete table inet knockc; add table inet knockc")
	const (
		foreign = "knockc: table inet knockc was not made by knockc"
		another = foreign + ", so knockc does not touch it: choose another table with `table NAME` in the policy"
	)
	s.fails(t, exitSystem, another, "knockc", "apply", s.policy)
	s.fails(t, exitSystem, another, "knockc", "apply", "-dry-run", s.policy)
	for _, args := range [][]string{{"status"}, {"grant", "ssh", "192.0.2.2"}, {"revoke", "all"}, {"remove"}} {
		s.fails(t, exitSystem, "knockc: no policy is loaded: load one with `knockc apply POLICY`", append([]string{"knockc"}, args...)...)
		s.fails(t, exitSystem, foreign+", and has no fragment of a policy", append([]string{"knockc", args[0], "-table", "knockc"}, args[1:]...)...)
	}
	if said := s.listing(t); said != "table inet knockc {\n}\n" {
		t.Errorf("the foreign table became\n%s", said)
	}
}

// unwrapped is a text in one line.
func unwrapped(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// TestMovedByHandOnKernel: someone has moved a base chain to another hook.
func TestMovedByHandOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	for _, moved := range []struct{ chain, hook, told string }{
		{"arrived", "forward priority -10", "is at hook forward, priority -10, not at hook input, priority -10"},
		{"guard", "prerouting priority -20", "is at hook prerouting, priority -20, not at hook prerouting, priority -110"},
		{"guard", "output priority 0", "is at another hook, priority 0, not at hook prerouting, priority -110"},
	} {
		rules := s.Host.Run(t, "nft", "list", "chain", "inet", "knockc", moved.chain)
		rules = regexp.MustCompile(`hook .*;`).ReplaceAllString(rules, "hook "+moved.hook+"; policy accept;")
		s.Host.Run(t, "nft", fmt.Sprintf("flush chain inet knockc %s; delete chain inet knockc %[1]s; %s", moved.chain, rules))
		c := s.Host.Command(t.Context(), "knockc", "status", s.policy)
		if out, _ := c.Output(); c.ProcessState.ExitCode() != exitInput || !strings.Contains(unwrapped(out), "CHANGED BY HAND: chain "+moved.chain+" "+moved.told+" ") {
			t.Errorf("with %s at %s the status is\n%s", moved.chain, moved.hook, out)
		}
		s.knockc(t, "apply", s.policy)
		s.knockc(t, "status", s.policy)
	}
}

// TestChangedByHandOnKernel: what someone did to the table is told, and goes with the
// next apply.
func TestChangedByHandOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	for change, told := range map[string]string{
		"add chain inet knockc mine; insert rule inet knockc tcp_22 jump mine":           "chain tcp_22 has ",
		"insert rule inet knockc guard counter":                                          "chain guard has 4 rules, not 3",
		"flush chain inet knockc tcp_22":                                                 "chain tcp_22 has 0 rules, not ",
		"flush map inet knockc ports":                                                    "map ports has 0 elements, not ",
		"add chain inet knockc mine { type filter hook input priority 9; policy drop; }": "chain mine is at a hook",
		"add table inet knockc { flags dormant; }":                                       "it is dormant and guards nothing",
	} {
		s.Host.Run(t, "nft", change)
		c := s.Host.Command(t.Context(), "knockc", "status", s.policy)
		if out, _ := c.Output(); c.ProcessState.ExitCode() != exitInput || !strings.Contains(unwrapped(out), "CHANGED BY HAND: "+told) {
			t.Errorf("after %s the status is\n%s", change, out)
		}
		if said := s.knockc(t, "apply", "-dry-run", s.policy); !strings.Contains(said, "diff loaded policy\n") {
			t.Errorf("after %s dry-run says\n%s", change, said)
		}
		s.knockc(t, "apply", s.policy)
		if said := s.knockc(t, "apply", "-dry-run", s.policy); said != "nothing would change\n" {
			t.Errorf("after apply, changed by %s, dry-run says\n%s", change, said)
		}
	}
	s.Host.Run(t, "nft", "delete table inet knockc; add table inet knockc")
	metrics := s.knockc(t, "status", "-prometheus", s.policy)
	for _, want := range []string{`knockc_loaded{table="knockc"} 0`, `knockc_policy_current{table="knockc"} 0`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("nothing is loaded, and the metrics lack %s:\n%s", want, metrics)
		}
	}
}
