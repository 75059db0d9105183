//go:build linux

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
)

// TestRollbackOnKernel kills what waits for an answer, and its terminal with it: rules
// and elements come back, with the time they have left.
func TestRollbackOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	s.knockc(t, "grant", "ssh", "192.0.2.2")
	s.knockc(t, "grant", "web", "192.0.2.3")
	before := s.listing(t)

	c, _, _ := s.onTrial(t, "2s", s.other)
	if s.listing(t) == before {
		t.Error("nothing is on trial")
	}
	c.Process.Kill()
	s.waitFor(t, "the rollback", func() bool { return strings.Contains(s.listing(t), "udp . 3456") })

	expires := regexp.MustCompile(`timeout (\S+) expires (\S+?)[, ]`)
	if after := s.listing(t); withoutTimes(after) != withoutTimes(before) {
		t.Errorf("what was there:\n%s\nwhat came back:\n%s", before, after)
	} else if m := expires.FindStringSubmatch(after); m == nil {
		t.Error("no grant has come back")
	} else if left, err := time.ParseDuration(m[2]); err != nil || left > 10*time.Minute-2*time.Second || left < 5*time.Minute {
		t.Errorf("the grant has %s left of its time", m[2])
	}
}

// onTrial applies a policy, and comes back when it asks whether to keep it.
func (s site) onTrial(t *testing.T, lasts, policy string) (c *exec.Cmd, answer io.Writer, says io.Reader) {
	t.Helper()
	c = s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", "-confirm", lasts, policy)
	c.Stderr = new(strings.Builder)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell starts it
	answer, says = netns.Start(t, c)
	readUntil(t, says, "Keep this policy?")
	return c, answer, says
}

func withoutTimes(listing string) string {
	return regexp.MustCompile(`expires \S+`).ReplaceAllString(listing, "expires")
}

func readUntil(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var said strings.Builder
	b := make([]byte, 1)
	for !strings.Contains(said.String(), text) {
		if _, err := r.Read(b); err != nil {
			t.Fatalf("%v; it said\n%s", err, &said)
		}
		said.Write(b)
	}
}

func (s site) waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if happened() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not happen", what)
}

// TestConfirmOnKernel answers in all ways.
func TestConfirmOnKernel(t *testing.T) {
	s := newSite(t)
	apply := func(answer, lasts, policy string) string {
		t.Helper()
		c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", "-confirm", lasts, policy)
		c.Stdin = strings.NewReader(answer)
		out, _ := c.CombinedOutput()
		return string(out)
	}
	if said := apply("no\n", "2m", s.policy); !strings.Contains(said, "rolled back") {
		t.Errorf("after no it says\n%s", said)
	}
	if tables := s.Host.Run(t, "nft", "list", "tables"); tables != "" {
		t.Errorf("there was no table, and now there is %s", tables)
	}
	if said := apply("what?\nyes\n", "2m", s.policy); !strings.HasSuffix(said, "yes or no? kept\n") {
		t.Errorf("after yes it says\n%s", said)
	}
	first := s.knockc(t, "status", s.policy)
	if said := apply("", "1s", s.other); !strings.HasSuffix(said, "nobody said yes\nknockc: rolled back: the rules are as they were before\n") {
		t.Errorf("without an answer it says\n%s", said)
	}
	if again := s.knockc(t, "status", s.policy); again != first {
		t.Errorf("the status was\n%s\nand is now\n%s", first, again)
	}
	s.fails(t, exitSystem, "knockc: no policy is on trial", "knockc", "rollback")
}

// TestOnTrialOnKernel: while a policy is on trial nobody changes the table, but to take
// it back.
func TestOnTrialOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	c, _, _ := s.onTrial(t, "2m", s.other)
	second := s.Host.Command(t.Context(), "knockc", "apply", s.policy)
	if out, _ := second.CombinedOutput(); second.ProcessState.ExitCode() != exitSystem || !strings.HasPrefix(string(out), "knockc: a policy is on trial and will be rolled back in ") {
		t.Errorf("a second apply says %s", out)
	}
	if said := s.knockc(t, "rollback"); said != "rolled back: the rules are as they were before\n" {
		t.Errorf("rollback says %s", said)
	}
	s.knockc(t, "status", s.policy)
	c.Wait()
	if said := fmt.Sprint(c.Stderr); c.ProcessState.ExitCode() != exitInput || !strings.HasPrefix(said, "knockc: another command has ended the trial") {
		t.Errorf("the apply that asked ends with %d and says %s", c.ProcessState.ExitCode(), said)
	}
}

// TestKeepOnKernel keeps a policy from another process: while the apply asks, after it was
// interrupted, and not if someone has changed the table.
func TestKeepOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	c, _, says := s.onTrial(t, "2m", s.other)
	if status := s.knockc(t, "status"); !regexp.MustCompile(`\nON TRIAL: rolled back in (2m|1m\d*s?), unless .knockc keep. keeps it\n`).MatchString(status) {
		t.Errorf("the status does not tell of the trial:\n%s", status)
	}
	if said := s.knockc(t, "keep"); said != "kept\n" {
		t.Errorf("keep says %s", said)
	}
	readUntil(t, says, "kept by another command\n")
	if err := c.Wait(); err != nil {
		t.Error(err, c.Stderr)
	}
	if listing := s.listing(t); strings.Contains(listing, "udp . 3456") || strings.Contains(listing, "web_") {
		t.Errorf("left of the older policy:\n%s", listing)
	}
	s.knockc(t, "status", s.other)
	s.fails(t, exitSystem, "knockc: no policy is on trial", "knockc", "keep")

	c, _, says = s.onTrial(t, "2m", s.policy)
	c.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, says)
	c.Wait()
	stays := regexp.MustCompile("^knockc: the policy is still on trial, for (2m|1m\\d*s?): keep it with `knockc keep`, or roll it back now with `knockc rollback`\n$")
	if said := fmt.Sprint(c.Stderr); c.ProcessState.ExitCode() != exitInput || !stays.MatchString(said) {
		t.Errorf("interrupted, it ends with %d and says %s", c.ProcessState.ExitCode(), said)
	}
	s.Host.Run(t, "nft", "add table inet knockc { flags dormant; }")
	s.fails(t, exitSystem, "knockc: the policy on trial is not loaded any more: someone has changed its table: roll it back, or answer yes where it was applied, which loads it again", "knockc", "keep")
	s.Host.Run(t, "nft", "add table inet knockc")
	s.knockc(t, "keep")
	s.knockc(t, "status", s.policy)
}

// TestNotAskedOnKernel: with -ask=false, apply waits for nobody. The policy is then kept, or
// rolled back.
func TestNotAskedOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	onTrial := regexp.MustCompile("\non trial, for (2m|1m\\d*s?): keep it with `knockc keep`, or roll it back now with `knockc rollback`\n$")
	if said := s.knockc(t, "apply", "-settle", "0", "-confirm", "2m", "-ask=false", s.other); !onTrial.MatchString(said) {
		t.Errorf("apply says\n%s", said)
	}
	s.knockc(t, "keep")
	s.knockc(t, "status", s.other)
	text, err := os.ReadFile(s.policy)
	if err != nil {
		t.Fatal(err)
	}
	s.Host.RunWith(t, string(text), "knockc", "apply", "-settle", "0", "-confirm", "1s", "-ask=false", "-")
	s.waitFor(t, "the rollback", func() bool { return strings.Contains(s.listing(t), "udp . 3457") })
	s.knockc(t, "status", s.other)
}

// TestKilledAnywhereOnKernel kills the apply that asks, and all that a terminal could kill
// with it, at any moment: what was there before comes back all the same, or stays if nothing
// was there.
func TestKilledAnywhereOnKernel(t *testing.T) {
	for i, before := range []bool{true, false, true, false, true, true} {
		s := newSite(t)
		if before {
			s.knockc(t, "apply", "-settle", "0", s.policy)
		}
		c, answer, _ := s.onTrial(t, "1s", s.other)
		if i > 0 { // the first is killed before anyone answers
			io.WriteString(answer, "no\n")
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		}
		if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		c.Wait()
		s.waitFor(t, "the rollback", func() bool {
			tables := s.Host.Run(t, "nft", "list", "tables")
			return !before && tables == "" || before && strings.Contains(s.listing(t), "udp . 3456")
		})
	}
}

// TestStuckTerminalOnKernel: a terminal that takes no more output, as one does whose
// connection the new rules refuse, keeps nothing from going back.
func TestStuckTerminalOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	full := fullPipe(t)
	c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "0", "-confirm", "10s", s.other)
	c.Stdout = full
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "the trial", func() bool { return strings.Contains(s.listing(t), "udp . 3457") })
	s.waitFor(t, "the rollback", func() bool { return strings.Contains(s.listing(t), "udp . 3456") })
}

// TestStuckWhileSettlingOnKernel: nor does it keep apply from ending when it is interrupted.
func TestStuckWhileSettlingOnKernel(t *testing.T) {
	s := newSite(t)
	c := s.Host.Command(t.Context(), "knockc", "apply", "-settle", "10m", s.policy)
	c.Stdout = fullPipe(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tables := func() string { return s.Host.Run(t, "nft", "list", "tables") }
	s.waitFor(t, "tracking", func() bool { return tables() != "" })
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if c.Wait(); c.ProcessState.ExitCode() != exitSystem {
		t.Errorf("%v", c.ProcessState)
	}
	if left := tables(); left != "" {
		t.Errorf("left is %s", left)
	}
}

// fullPipe is a pipe that takes nothing more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	reader, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); full.Close() })
	size, err := unix.FcntlInt(full.Fd(), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := full.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	return full
}

// TestFlushedOnTrialOnKernel: someone deletes the table during a trial. The policy is
// loaded again if it is confirmed; another one that is applied meanwhile ends the trial.
func TestFlushedOnTrialOnKernel(t *testing.T) {
	s := newSite(t)
	for _, again := range []bool{false, true} {
		c, answer, says := s.onTrial(t, "2m", s.policy)
		s.Host.Run(t, "nft", "flush", "ruleset")
		want, loaded := exitOK, s.policy
		if again {
			s.knockc(t, "apply", "-settle", "10ms", s.other)
			want, loaded = exitInput, s.other
		}
		io.WriteString(answer, "yes\n")
		io.Copy(io.Discard, says)
		if c.Wait(); c.ProcessState.ExitCode() != want {
			t.Errorf("applied meanwhile: %v; exit status %d, want %d", again, c.ProcessState.ExitCode(), want)
		}
		s.knockc(t, "status", loaded)
		s.knockc(t, "remove")
	}
}

// TestOthersSetsOnKernel: what someone has added to the table by hand comes back as it was.
func TestOthersSetsOnKernel(t *testing.T) {
	s := newSite(t)
	s.knockc(t, "apply", "-settle", "0", s.policy)
	s.Host.Run(t, "nft", "add set inet knockc admins { type ipv4_addr; elements = { 192.0.2.9 }; }; insert rule inet knockc tcp_22 ip saddr @admins accept")
	before := s.listing(t)
	s.onTrial(t, "2m", s.other)
	s.knockc(t, "rollback")
	if after := s.listing(t); after != before {
		t.Errorf("what was there:\n%s\nwhat came back:\n%s", before, after)
	}
}

// TestRollbackToOtherLayoutsOnKernel: a trial over a table of version 0.1.0, over one at
// another hook, with services elsewhere, or asleep goes back to exactly what was there.
func TestRollbackToOtherLayoutsOnKernel(t *testing.T) {
	archive, err := txtar.ParseFile("../../live/testdata/v0.1.0.txtar")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	first := filepath.Join(t.TempDir(), "first.nft")
	write(t, first, string(archive.Files[1].Data))
	load := func(policy string) func() {
		return func() {
			write(t, s.policy, policy)
			s.knockc(t, "apply", "-settle", "0", s.policy)
		}
	}
	const elsewhere = livePolicy + "knock nas < 7003 7004 -> 22 at 10.0.0.5 2001:db8:1::5 >\n"
	for name, before := range map[string]func(){
		"0.1.0": func() { s.Host.Run(t, "nft", "-f", first) },
		"0.1.0 asleep": func() {
			s.Host.Run(t, "nft", "-f", first)
			s.Host.Run(t, "nft", "add table inet knockc { flags dormant; }")
		},
		"at input":   load("hook input priority 5\n" + livePolicy),
		"elsewhere":  load(elsewhere),
		"prerouting": load("priority -150\ndefault drop\n" + livePolicy),
	} {
		before()
		s.knockc(t, "grant", "-for", "10m", "ssh", "192.0.2.2")
		s.knockc(t, "grant", "web", "2001:db8::2")
		was := s.Host.Run(t, "nft", "list", "ruleset")
		for _, policy := range []string{otherPolicy, "hook input\n" + otherPolicy, elsewhere} {
			write(t, s.other, policy)
			s.onTrial(t, "2m", s.other)
			if trial := s.Host.Run(t, "nft", "list", "chains"); strings.Contains(policy, " at ") != strings.Contains(trial, "hook forward") {
				t.Errorf("%s: on trial is\n%s\nwith\n%s", name, policy, trial)
			}
			s.knockc(t, "rollback")
			if is := s.Host.Run(t, "nft", "list", "ruleset"); withoutTimes(is) != withoutTimes(was) {
				t.Errorf("%s: what was there, what came back:\n%s", name, diff.Diff("before", []byte(withoutTimes(was)), "after", []byte(withoutTimes(is))))
			}
		}
		s.knockc(t, "remove")
		if left := s.Host.Run(t, "nft", "list", "ruleset"); left != "" {
			t.Errorf("%s: removed, and left is\n%s", name, left)
		}
	}
}

// needsNft wants the tool to end with one line where there is no nft.
func (s site) needsNft(t *testing.T, args string) {
	t.Helper()
	knockc, err := exec.LookPath("knockc")
	if err != nil {
		t.Fatal(err)
	}
	nft, err := exec.LookPath("nft")
	if err != nil {
		t.Fatal(err)
	}
	s.fails(t, exitSystem, "knockc: this needs the program nft: apt-get install nftables",
		"unshare", "-m", "sh", "-c", "mount --bind /dev/null "+nft+" && PATH=/nowhere exec "+knockc+" "+args)
}

// TestNoWayBackOnKernel: what could not be taken back is not loaded.
func TestNoWayBackOnKernel(t *testing.T) {
	s := newSite(t)
	s.needsNft(t, "apply -settle 0 -confirm 1s "+s.policy)
	if tables := s.Host.Run(t, "nft", "list", "tables"); tables != "" {
		t.Errorf("it loaded %s", tables)
	}
}
