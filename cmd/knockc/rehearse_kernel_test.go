//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	redirected = "table ip nat {\n chain pre {\n type nat hook prerouting priority dstnat\n tcp dport 8080 dnat to 192.0.2.2:80\n }\n}\n"
	dropping   = "table inet filter {\n chain input {\n type filter hook input priority filter; policy drop;\n ct state established,related accept\n meta l4proto { icmp, icmpv6 } accept\n }\n}\n"
	webPolicy  = "knock web < 7003 7001 7002 -> 8080 >\n"
)

// said is what the tool says on the host, and its exit status.
func (s site) said(t *testing.T, args ...string) (string, int) {
	t.Helper()
	c := s.Host.Command(t.Context(), args...)
	out, _ := c.CombinedOutput()
	return string(out), c.ProcessState.ExitCode()
}

// TestApplyRehearsesOnKernel: apply stops where a door would stand open, and warns where
// one would stay shut.
func TestApplyRehearsesOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Sysctl(t, "ipv4/ip_forward", "1")
	file := s.policy
	apply := func(rules, policy string, flags ...string) (string, int) {
		t.Helper()
		s.Host.Load(t, "flush ruleset\n"+rules)
		write(t, file, policy)
		return s.said(t, append([]string{"knockc", "apply", "-settle", "0", file}, flags...)...)
	}
	loaded := func() bool { return strings.Contains(s.Host.Run(t, "nft", "list", "tables"), "table inet knockc\n") }

	const open = "knockc: warning: knock web, 8080, IPv4: OPEN WITHOUT A KNOCK\n    table ip nat, chain pre: tcp dport 8080 dnat to 192.0.2.2:80\n    hint: leave out `hook input`\n"
	said, status := apply(redirected, "hook input\n"+webPolicy)
	if want := open + "knockc: nothing is loaded, because a door would stand open: -anyway loads the policy all the same\n"; status != exitInput || said != want || loaded() {
		t.Errorf("exit status %d, loaded %v:\n%s", status, loaded(), said)
	}
	if said, status = apply(redirected, "hook input\n"+webPolicy, "-anyway"); status != exitOK || !strings.HasSuffix(said, open) || !loaded() {
		t.Errorf("anyway: exit status %d:\n%s", status, said)
	}
	if said, status = apply(redirected, "hook input\n"+webPolicy, "-rehearse=false"); status != exitOK || strings.Contains(said, "warning") {
		t.Errorf("unrehearsed: exit status %d:\n%s", status, said)
	}
	if said, status = apply(redirected, webPolicy); status != exitOK || strings.Contains(said, "warning") {
		t.Errorf("at the usual hook: exit status %d:\n%s", status, said)
	}

	const ssh = "knock ssh < 7001 9002 8003 -> 22 >\n"
	const shut = "knockc: warning: knock ssh, 22, IPv%d: stays shut after the knock\n    table inet filter, chain input: policy drop\n    hint: nft add rule inet filter input tcp dport 22 accept\n"
	if said, status = apply(dropping, ssh); status != exitOK || !strings.HasSuffix(said, fmt.Sprintf(shut, 4)+fmt.Sprintf(shut, 6)) {
		t.Errorf("shut: exit status %d:\n%s", status, said)
	}
	if said, status = apply(dropping+"add rule inet filter input tcp dport 22 accept\n", ssh); status != exitOK || strings.Contains(said, "warning") {
		t.Errorf("with the rule: exit status %d:\n%s", status, said)
	}
	if said, status = apply(dropping, ssh, "-dry-run"); status != exitOK || strings.Contains(said, "shut") {
		t.Errorf("dry run: exit status %d:\n%s", status, said)
	}
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintf(&many, "knock k%d < %d 9002 8003 -> 22 >\n", i, 7001+i)
	}
	const left = "knockc: not rehearsed: that takes long with more than 100 knocks, and is left to `knockc rehearse`\n"
	if said, status = apply(dropping, many.String()); status != exitOK || !strings.HasSuffix(said, left) {
		t.Errorf("101 knocks: exit status %d:\n%s", status, said)
	}
}

// TestRehearseOnKernel: what rehearse prints, and its exit status.
func TestRehearseOnKernel(t *testing.T) {
	s := newSite(t)
	write(t, s.policy, "knock ssh < 7001 9002 8003 -> 22 >\n")
	const advice = "advice: closed ports answer here and guarded services do not, so a scan finds them: write `refuse reject`\n"
	if said, status := s.said(t, "knockc", "rehearse", s.policy); status != exitOK || said != advice+"2 of 2 doors work: strangers are refused, the knock opens\n" {
		t.Errorf("exit status %d:\n%s", status, said)
	}
	write(t, s.policy, "refuse reject\nknock ssh < 7001 9002 8003 -> 22 >\n")
	if said, status := s.said(t, "knockc", "rehearse", s.policy); status != exitOK || strings.Contains(said, "advice") {
		t.Errorf("exit status %d:\n%s", status, said)
	}
	s.Host.Load(t, dropping)
	write(t, s.policy, "refuse reject\nknock ssh < 7001 9002 8003 -> 22 >\nknock web < 7003 7001 7002 -> 80 on ens3 >\n")
	said, status := s.said(t, "knockc", "rehearse", s.policy)
	for _, want := range []string{
		"interface \"ens3\" of `on`: there is none; this host has lo eth0\n", "knock ssh, 22, IPv4: stays shut after the knock\n",
		"knock web, 80, IPv4: not judged: no interface is up that the knock asks for\n", "0 of 4 doors work", "write `refuse drop`\n",
	} {
		if status != exitInput || !strings.Contains(said, want) {
			t.Errorf("exit status %d, want 1 and %s\n%s", status, want, said)
		}
	}
	seen := map[string]bool{}
	said, _ = s.said(t, "knockc", "rehearse", "-json", s.policy)
	for line := range strings.Lines(said) {
		kind, _ := checkJSON(t, line)
		seen[kind] = true
	}
	const service = `{"knock":"ssh","service":"22","family":"IPv4","check":"service","ok":false,"why":"stays shut after the knock","by":{"table":"inet filter","chain":"input","rule":"policy drop"},"hint":"nft add rule inet filter input tcp dport 22 accept"}`
	if !seen["rehearsed"] || !seen["note"] || !strings.Contains(said, service+"\n") {
		t.Errorf("want %s in\n%s", service, said)
	}
}

// TestUnrehearsedOnKernel: where a rehearsal is impossible, one line says why, and apply
// goes on.
func TestUnrehearsedOnKernel(t *testing.T) {
	s := newSite(t)
	broken := filepath.Join(t.TempDir(), "nft")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nkill -SEGV $$\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ first, why string }{
		{"exec setpriv --bounding-set=-sys_admin", "this needs root: unshare: operation not permitted"},
		{"mount -t tmpfs none /dev/net; exec", "this needs TUN devices: open /dev/net/tun: no such file or directory"},
		{"mount -t tmpfs none $(dirname $(command -v nft)); PATH=/bin:$PATH exec", "this needs the program nft: apt-get install nftables"},
		{"mount --bind " + broken + " $(command -v nft); exec", "nft: signal: segmentation fault"},
	} {
		knockc, err := exec.LookPath("knockc")
		if err != nil {
			t.Fatal(err)
		}
		command := func(args ...string) []string {
			return append([]string{"unshare", "--mount", "sh", "-c", test.first + ` "$@"`, "sh", knockc}, args...)
		}
		s.fails(t, exitSystem, "knockc: cannot rehearse: "+test.why, command("rehearse", s.policy)...)
		said, status := s.said(t, command("apply", "-settle", "0", s.policy)...)
		if want := "knockc: not rehearsed: " + test.why + "\n"; status != exitOK || !strings.HasSuffix(said, want) || strings.Contains(said, "warning") {
			t.Errorf("apply: exit status %d:\n%swant %s", status, said, want)
		}
	}
}

// counting is a table that counts packets that a rehearsal sends, should one get out.
const counting = `table inet counting {
	chain in {
		type filter hook prerouting priority -500
		meta l4proto { tcp, udp } counter
	}
	chain out {
		type filter hook postrouting priority 500
		meta l4proto { tcp, udp, icmp } counter
	}
}
`

// TestRehearsalLeavesNothingOnKernel: no packet has left, and no table, interface, process
// or namespace is left, also of rehearsals that were interrupted, which say so, or killed, or
// ran at once. The policy that is loaded stays as it is.
func TestRehearsalLeavesNothingOnKernel(t *testing.T) {
	s := newSite(t)
	s.Host.Load(t, dropping+counting)
	s.knockc(t, "apply", "-settle", "0", "-rehearse=false", s.policy)
	state := func() string {
		return s.Host.Run(t, "nft", "list", "ruleset") + s.Host.Run(t, "ip", "-o", "link") + s.Host.Run(t, "ip", "-4", "-o", "address") + s.Host.Run(t, "ip", "route")
	}
	before := state()
	if !strings.Contains(before, "counter packets 0 bytes 0") {
		t.Errorf("nothing is counted:\n%s", before)
	}
	mark := "KNOCKC_TEST=" + t.TempDir() // in the environment of all that is started
	var all sync.WaitGroup
	for i := range 9 {
		all.Go(func() {
			c := s.Host.Command(t.Context(), "knockc", "rehearse", s.policy)
			c.Env = append(os.Environ(), mark)
			var out strings.Builder
			c.Stdout, c.Stderr = &out, &out
			if err := c.Start(); err != nil {
				t.Error(err)
				return
			}
			if signal := []os.Signal{nil, os.Interrupt, os.Kill}[i%3]; signal != nil {
				after := time.AfterFunc(time.Duration(i)*100*time.Millisecond, func() { c.Process.Signal(signal) })
				defer after.Stop()
			}
			c.Wait()
			switch said := out.String(); {
			case i%3 == 0 && !strings.Contains(said, "knock ssh, 22, IPv4: stays shut"):
				t.Error(said)
			case i%3 == 1 && c.ProcessState.ExitCode() == exitSystem && said != "knockc: interrupted\n":
				t.Errorf("interrupted, it says %q", said)
			}
		})
	}
	all.Wait()
	if after := state(); after != before {
		t.Errorf("the host was\n%s\nand is\n%s", before, after)
	}
	s.waitFor(t, "the end of all processes", func() bool {
		// A namespace lasts as long as a process is in it.
		return s.Host.Run(t, "sh", "-c", "grep -lF "+mark+" /proc/[0-9]*/environ 2>/dev/null || true") == ""
	})
}

// TestInterruptedRehearsalOnKernel: ^C ends a rehearsal with a line, and apply loads nothing.
func TestInterruptedRehearsalOnKernel(t *testing.T) {
	s := newSite(t)
	folder := t.TempDir()
	reached := folder + "/reached"
	defer os.Remove(reached)
	write(t, folder+"/nft", `#!/bin/sh
case "$*" in *"list ruleset") touch `+reached+`; while [ -e `+reached+` ]; do sleep 0.1; done;; esac
exec /usr/sbin/nft "$@"
`)
	if err := os.Chmod(folder+"/nft", 0o755); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{"rehearse": "knockc: interrupted\n", "apply": "knockc: interrupted: nothing is loaded\n"} {
		c := s.Host.Command(t.Context(), "env", "PATH="+folder+":"+os.Getenv("PATH"), "knockc", command, s.policy)
		var said strings.Builder
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		s.waitFor(t, "the rehearsal", func() bool {
			_, err := os.Stat(reached)
			return err == nil
		})
		c.Process.Signal(os.Interrupt)
		c.Wait()
		if c.ProcessState.ExitCode() != exitSystem || said.String() != want {
			t.Errorf("%s: exit status %d:\n%s", command, c.ProcessState.ExitCode(), said.String())
		}
		os.Remove(reached)
	}
	if tables := s.Host.Run(t, "nft", "list", "tables"); strings.Contains(tables, "knockc") {
		t.Errorf("it has loaded\n%s", tables)
	}
}

// TestRehearsalOfALargeHostOnKernel: ten knocks beside a thousand rules take less than two
// seconds of the processor, and two hundred interfaces are copied.
func TestRehearsalOfALargeHostOnKernel(t *testing.T) {
	s := newSite(t)
	var policy, rules strings.Builder
	for i := range 10 {
		fmt.Fprintf(&policy, "knock k%d < 7001 %d 9000 -> %d >\n", i, 7100+i, 100+i)
	}
	rules.WriteString("table inet many {\n chain input {\n type filter hook input priority 0\n")
	for i := range 1000 {
		fmt.Fprintf(&rules, "ip saddr 203.0.%d.%d tcp dport %d counter drop\n", i/256, i%256, 1+i)
	}
	rules.WriteString("}\n}\n")
	write(t, s.policy, policy.String())
	s.Host.Load(t, rules.String())
	run := func(what string) (cpu time.Duration) {
		begin := time.Now()
		c := s.Host.Command(t.Context(), "knockc", "rehearse", s.policy)
		out, err := c.CombinedOutput()
		cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		if err != nil || !regexp.MustCompile(`20 of 20 doors work`).Match(out) {
			t.Errorf("%s: %v:\n%s", what, err, out)
		}
		t.Logf("%s: %v, of these %v of the processor", what, time.Since(begin).Round(time.Millisecond), cpu)
		return cpu
	}
	if cpu := run("1,000 rules"); cpu > 2*time.Second {
		t.Errorf("it took %v", cpu)
	}
	var links strings.Builder
	for i := range 200 {
		fmt.Fprintf(&links, "link add b%d type bridge\nlink set b%d up\naddress add 10.9.%d.1/24 dev b%d\n", i, i, i, i)
	}
	s.Host.RunWith(t, links.String(), "ip", "-batch", "-")
	run("200 interfaces")
}

// TestRehearseLoadedOnKernel: without a policy, the one that is loaded is tried, in a table
// or in a fragment, and as someone has changed it.
func TestRehearseLoadedOnKernel(t *testing.T) {
	s := newSite(t)
	if said, status := s.said(t, "knockc", "rehearse"); status != exitSystem || said != "knockc: no policy is loaded: load one with `knockc apply POLICY`\n" {
		t.Errorf("nothing is loaded: exit status %d:\n%s", status, said)
	}
	s.Host.Load(t, dropping+"add rule inet filter input tcp dport 80 accept\n")
	const policy = `refuse reject
open udp/53 on "eth*"
trust 203.0.113.0/24 wg0
knock ssh < 7001 udp/9002 ping/64 -> 22 from 198.51.100.0/24 192.0.2.0/24 2001:db8::/32 on eth0 grant 1m once close 6001 6002 >
knock web < 7003 7001 7002 7001 -> 80 81-90 within 2s grant forever per /24 /64 >
knock nas < 7003 7001 7002 7004 -> 445 at 192.0.2.1 >
`
	write(t, s.policy, policy)
	s.knockc(t, "apply", "-settle", "0", "-rehearse=false", s.policy)
	for _, knock := range []string{"ssh", "web"} {
		s.knockc(t, "grant", knock, "192.0.2.2")
	}
	sorted := func(said string) string { // the rules do not tell the order of knocks
		lines := strings.SplitAfter(said, "\n")
		slices.Sort(lines)
		return strings.Join(lines, "")
	}
	before := s.Host.Run(t, "nft", "-s", "list", "ruleset")
	want, _ := s.said(t, "knockc", "rehearse", s.policy)
	said, status := s.said(t, "knockc", "rehearse")
	if status != exitInput || !strings.Contains(said, "\nknock ssh, 22, IPv4: stays shut after the knock\n") || !strings.Contains(said, "1 of 7 doors work") || sorted(said) != sorted(want) {
		t.Errorf("exit status %d, it says\n%s\nand of the policy\n%s", status, said, want)
	}
	if after := s.Host.Run(t, "nft", "-s", "list", "ruleset"); withoutTimes(after) != withoutTimes(before) {
		t.Errorf("the rules are now\n%s", after)
	}

	s.Host.Run(t, "nft", "insert", "rule", "inet", "knockc", "guard", "tcp", "dport", "80", "accept")
	if said, status := s.said(t, "knockc", "rehearse", "-json"); status != exitInput || !strings.Contains(said, `"knock":"web","service":"80","family":"IPv6","check":"stranger","ok":false`) {
		t.Errorf("opened by hand: exit status %d:\n%s", status, said)
	}

	s.Host.Load(t, "flush ruleset\n")
	s.knockc(t, "apply", "-settle", "0", "-rehearse=false", s.policy)
	s.Host.Run(t, "nft", "insert", "rule", "inet", "knockc", "guard", "ip6", "saddr", "2001:db8::/126", "tcp", "dport", "85", "accept")
	if said, status := s.said(t, "knockc", "rehearse"); status != exitInput || !strings.Contains(said, "knock web, 81-90, IPv6: OPEN WITHOUT A KNOCK\n    table inet knockc, chain guard: ip6 saddr 2001:db8::/126 tcp dport 85 accept\n    hint: this rule is not the policy's: `knockc apply POLICY` loads the policy without it\n") {
		t.Errorf("opened by hand for some: exit status %d:\n%s", status, said)
	}

	s = fragmentSite(t, "")
	if said, status := s.said(t, "knockc", "rehearse"); status != exitOK || !strings.HasSuffix(said, "4 of 4 doors work: strangers are refused, the knock opens\n") {
		t.Errorf("a fragment: exit status %d:\n%s", status, said)
	}
	const beside = "hint: fragment knockc in table inet filter guards this port, too: load the new fragment in its place, and `knockc rehearse` tries it\n"
	write(t, s.policy, "knock ssh < 7001 7002 7003 7004 -> 22 >\n")
	if said, status := s.said(t, "knockc", "rehearse", s.policy); status != exitInput || strings.Count(said, beside) != strings.Count(said, "hint:") || !strings.Contains(said, beside) {
		t.Errorf("a policy beside its own fragment: exit status %d:\n%s", status, said)
	}
	s.Host.Run(t, "nft", "flush", "chain", "inet", "filter", "pre")
	if said, status := s.said(t, "knockc", "rehearse"); status != exitInput || strings.Count(said, "OPEN WITHOUT A KNOCK\n    table inet filter, chain knockc_addressed: fib daddr type local accept\n") != 4 {
		t.Errorf("a fragment without its jump: exit status %d:\n%s", status, said)
	}
}
