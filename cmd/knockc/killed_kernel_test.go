//go:build linux

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	kills = flag.Int("kills", 24, "how many commands the tests of kill -9 kill in all")
	seed  = flag.Uint64("seed", 0, "what the moments of kill -9 are drawn from; 0 draws one")
)

// killer kills commands at random moments.
type killer struct {
	*testing.T
	chance *rand.Rand
	takes  map[string]time.Duration // a command that nobody kills
	killed int                      // before they ended
	saw    map[string]int           // what was so afterwards, how often
}

func newKiller(t *testing.T) *killer {
	t.Helper()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("for these moments again: -kills %d -seed %d", *kills, *seed)
	return &killer{t, rand.New(rand.NewPCG(*seed, 0)), map[string]time.Duration{}, 0, map[string]int{}}
}

// kill runs a command and kills it while it runs, after others have been done at that moment.
// The first of its kind may end before that. It reports whether the command had not ended.
func (k *killer) kill(c *exec.Cmd, also ...func()) bool {
	k.Helper()
	kind := strings.Join(c.Args, " ")
	begin := time.Now()
	if err := c.Start(); err != nil {
		k.Fatal(err)
	}
	if k.takes[kind] == 0 {
		c.Wait()
		k.takes[kind] = time.Since(begin)
	} else {
		time.Sleep(time.Duration(k.chance.Int64N(int64(k.takes[kind]))))
	}
	for _, f := range also {
		f()
	}
	c.Process.Kill()
	c.Wait()
	killed := !c.ProcessState.Exited()
	if killed {
		k.killed++
	}
	return killed
}

// sees counts what is so after a command was killed.
func (k *killer) sees(killed bool, what string) {
	if killed {
		k.saw[what]++
	}
}

// besieged is a site with two policies that agree on ssh, whose door is open for the peer
// over IPv6 and shut over IPv4.
type besieged struct {
	*killer
	site
}

const (
	killedPolicy = "refuse reject\nknock ssh < 10000 2345 udp/3456 -> 22 within 20s grant 1h >\nknock web < 7003 7001 7002 -> 80 >\n"
	killedOther  = "refuse reject\ndefault drop\nknock ssh < 10000 2345 udp/3456 -> 22 within 20s grant 1h >\nknock new < 7003 7001 7002 -> 81 >\n"
)

func newBesieged(t *testing.T) besieged {
	t.Helper()
	b := besieged{newKiller(t), newSite(t)}
	write(t, b.policy, killedPolicy)
	write(t, b.other, killedOther)
	b.Host.Serve(t, "22")
	b.begin()
	t.Cleanup(func() { t.Logf("%d killed, and afterwards: %v", b.killed, b.saw) })
	return b
}

// begin loads the first policy and opens the door.
func (b besieged) begin() {
	b.Helper()
	b.site.knockc(b.T, "apply", "-settle", "0", "-rehearse=false", b.policy)
	b.site.knockc(b.T, "grant", "ssh", "2001:db8::2")
}

func (b besieged) command(args ...string) *exec.Cmd {
	return b.Host.Command(b.Context(), append([]string{"knockc"}, args...)...)
}

// succeeds runs a command that may fail.
func (b besieged) succeeds(args ...string) (says string, ok bool) {
	out, err := b.command(args...).CombinedOutput()
	return string(out), err == nil
}

// is reports whether a policy is loaded, as a whole.
func (b besieged) is(policy string) bool {
	_, ok := b.succeeds("status", policy)
	return ok
}

// holds wants one of the policies to be loaded as a whole, and to guard. It returns which is.
func (b besieged) holds(after string, policies ...string) (is string) {
	b.Helper()
	loaded := func() int { return slices.IndexFunc(policies, b.is) }
	i := loaded()
	if i < 0 { // an nft of who was killed may have come to its end between two looks
		i = loaded()
	}
	if i < 0 {
		b.Fatalf("after %s, what is loaded is none of %q:\n%s", after, policies, b.site.listing(b.T))
	}
	if !b.finds(b.T, "192.0.2.1", "22", false) {
		b.Errorf("after %s, a stranger gets in", after)
	}
	if !b.finds(b.T, "2001:db8::1", "22", true) {
		b.Errorf("after %s, the open door is shut", after)
	}
	return map[string]string{b.policy: "older policy", b.other: "newer policy"}[policies[i]]
}

// ends ends a trial if there is one, and reports whether there was.
func (b besieged) ends(after string) bool {
	b.Helper()
	says, ok := b.succeeds("rollback")
	if !ok && !strings.Contains(says, "no policy is on trial") {
		b.Fatalf("after %s, rollback says\n%s", after, says)
	}
	return ok
}

// share is how many kills one of several things has.
func share(things int) int { return max(2, *kills/things) }

// TestKilledApplyOnKernel kills apply: the older policy is loaded or the newer, each as a
// whole, and the next apply works.
func TestKilledApplyOnKernel(t *testing.T) {
	b := newBesieged(t)
	for b.killed < share(6) {
		killed := b.kill(b.command("apply", "-settle", "0", "-rehearse=false", b.other))
		b.sees(killed, b.holds("apply", b.policy, b.other))
		b.begin()
		b.holds("the next apply", b.policy)
	}
}

// TestKilledFirstApplyOnKernel kills apply where nothing was loaded: nothing is, or the policy
// as a whole.
func TestKilledFirstApplyOnKernel(t *testing.T) {
	b := newBesieged(t)
	for b.killed < share(6) {
		b.Host.Run(t, "nft", "flush", "ruleset")
		killed := b.kill(b.command("apply", "-settle", "0", "-rehearse=false", b.policy))
		if b.is(b.policy) {
			b.sees(killed, "policy")
		} else if b.sees(killed, "no policy"); strings.Contains(b.Host.Run(t, "nft", "list", "ruleset"), "reject") {
			t.Fatalf("half of it is loaded:\n%s", b.site.listing(t))
		}
		b.begin()
		b.holds("the next apply", b.policy)
	}
}

// TestKilledTrialOnKernel kills apply -confirm: the older policy is loaded, or the newer one
// on trial, which can be rolled back.
func TestKilledTrialOnKernel(t *testing.T) {
	b := newBesieged(t)
	for b.killed < share(6) {
		killed := b.kill(b.command("apply", "-settle", "0", "-rehearse=false", "-confirm", "30s", "-ask=false", b.other))
		b.sees(killed, b.holds("apply -confirm", b.policy, b.other))
		b.ends("apply -confirm")
		b.holds("rollback", b.policy)
		b.begin()
	}
}

// TestKilledKeepOnKernel kills keep: the policy on trial is kept, or goes on being tried.
func TestKilledKeepOnKernel(t *testing.T) {
	b := newBesieged(t)
	for b.killed < share(6) {
		b.site.knockc(t, "apply", "-settle", "0", "-rehearse=false", "-confirm", "30s", "-ask=false", b.other)
		killed := b.kill(b.command("keep"))
		b.holds("keep", b.other)
		if b.ends("keep") {
			b.sees(killed, "on trial")
			b.holds("rollback", b.policy)
		} else {
			b.sees(killed, "kept")
			b.holds("keep", b.other)
		}
		b.begin()
		b.holds("the next apply", b.policy)
	}
}

// TestKilledRollbackOnKernel kills rollback: the newer policy is loaded or the older, and the
// next rollback ends the trial.
func TestKilledRollbackOnKernel(t *testing.T) {
	b := newBesieged(t)
	for b.killed < share(6) {
		b.site.knockc(t, "apply", "-settle", "0", "-rehearse=false", "-confirm", "30s", "-ask=false", b.other)
		killed := b.kill(b.command("rollback"))
		b.sees(killed, b.holds("rollback", b.policy, b.other))
		b.ends("rollback")
		b.holds("the next rollback", b.policy)
		b.begin()
		b.holds("the next apply", b.policy)
	}
}

// stuckNft is an nft that never comes to load a script.
const stuckNft = `#!/bin/sh
case "$*" in "-f -") echo $$ >FOLDER/new; mv FOLDER/new FOLDER/pid; read line <FOLDER/pipe ;; esac
PATH=${PATH#*:} exec nft "$@"
`

// TestKilledBeforeNftOnKernel kills a rollback that has started nft: nft ends too. Else it
// could load the older rules later, over what others have loaded by then.
func TestKilledBeforeNftOnKernel(t *testing.T) {
	b := newBesieged(t)
	folder := t.TempDir()
	program := filepath.Join(folder, "nft")
	if err := unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, program, strings.ReplaceAll(stuckNft, "FOLDER", folder))
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	b.site.knockc(t, "apply", "-settle", "0", "-rehearse=false", "-confirm", "2m", "-ask=false", b.other)
	c := b.command("rollback")
	c.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	b.waitFor(t, "nft", func() bool {
		text, err := os.ReadFile(filepath.Join(folder, "pid"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	runs := func() bool { // nobody may have asked yet how it ended
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err == nil && len(line) > 0
	}
	t.Cleanup(func() {
		if runs() {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	c.Process.Kill()
	c.Wait()
	b.waitFor(t, "the end of nft", func() bool { return !runs() })
	b.site.knockc(t, "rollback")
	b.holds("the next rollback", b.policy)
}
