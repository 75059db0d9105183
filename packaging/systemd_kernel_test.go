//go:build linux

package packaging

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

const (
	policyFile = "/etc/knockc/policy.knock"
	ssh        = "knock ssh < 7001 9002 8003 -> 22 grant 1h >\n"
	visitor    = "192.0.2.7"
)

// TestSystemdOnKernel boots systemd with the Debian package beside nftables.service, and
// holds the unit to the table in spec/boot.md.
func TestSystemdOnKernel(t *testing.T) {
	need(t, "ansible-playbook", "deb-systemd-invoke", "dpkg-deb", "git", "nft", "nsenter", "systemctl", "unshare")
	layer := t.TempDir()
	run(t, "./deb.sh", layer)
	built, err := filepath.Glob(layer + "/*.deb")
	if err != nil || len(built) != 1 {
		t.Fatalf("built %v, %v", built, err)
	}
	run(t, "dpkg-deb", "--extract", built[0], layer)
	if err := os.WriteFile(layer+policyFile, []byte(ssh), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "cp", "-rL", "ansible", layer)
	m := boot(t, layer, "nftables.service", "knockc.service")

	t.Run("boot", func(t *testing.T) {
		m.is(t, true, false)
		nftables, knockc, network := m.began(t, "nftables.service"), m.began(t, "knockc.service"), m.began(t, "network-pre.target")
		if nftables > knockc || knockc > network {
			t.Errorf("nftables began at %d, knockc at %d, the network after %d", nftables, knockc, network)
		}
		if journal := m.must(t, "journalctl", "--unit", "knockc"); !strings.Contains(journal, "Port knocking") || strings.Contains(journal, "7001") {
			t.Errorf("the journal shows a step:\n%s", journal)
		}
	})
	t.Run("trial", m.tryTrial)
	t.Run("codes", m.tryCodes)
	for _, e := range []struct {
		event        string
		loaded, open bool // after it
	}{
		{"systemctl start knockc", true, true},
		{"systemctl stop knockc; knockc apply -settle 0 $policy; knockc grant ssh $visitor; systemctl start knockc", true, true},
		{"systemctl reload knockc", true, true},
		{"systemctl restart knockc", true, false},
		{"for _ in 1 2 3 4 5 6 7 8; do systemctl restart knockc; done", true, false},
		{"systemctl stop knockc", false, false},
		{"nft delete table inet knockc; systemctl stop knockc", false, false},
		{"systemctl reload nftables", true, false},
		{"systemctl restart nftables", true, false},
		{"systemctl stop nftables", false, false},
		{"systemctl stop nftables; systemctl start nftables", true, false},
		{"nft -f /etc/nftables.conf; systemctl reload knockc", true, false},
		{"rm $policy; systemctl restart knockc", false, false},
		{"echo 'knock ssh <' >$policy; ! systemctl reload knockc", true, true},
		{"journalctl --sync; journalctl --unit knockc | grep $policy:1:", true, true},
		{"echo 'refuse reject' >$policy; ! systemctl reload knockc", true, true},
		{"echo 'knock ssh <' >$policy; ! systemctl restart knockc", false, false},
		{"dpkg --install --no-triggers /*.deb", true, true},
		{"dpkg --install --no-triggers /*.deb; systemctl reload knockc", true, true},
		{"dpkg --remove --no-triggers knockc", false, false},
	} {
		t.Run(e.event, func(t *testing.T) {
			m.write(t, policyFile, ssh)
			m.opens(t)
			m.must(t, "env", "policy="+policyFile, "visitor="+visitor, "sh", "-ec", e.event)
			m.is(t, e.loaded, e.open)
		})
	}
	t.Run("ansible", m.tryAnsible) // the package has been removed
}

// machine is what systemd runs in: the process on this host that is its first.
type machine int

// boot boots one with files over the root of this host. It ends with the test, or with its
// process, and leaves nothing.
func boot(t *testing.T, layer string, units ...string) machine {
	t.Helper()
	c := exec.Command("unshare", append([]string{"--mount", "testdata/boot.sh", layer, t.TempDir()}, units...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // ^C is not for it
	var said bytes.Buffer
	c.Stderr = &said
	input, output := netns.Start(t, c)
	line, _ := bufio.NewReader(output).ReadString('\n')
	first, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		c.Wait()
		if os.Getenv("KNOCKC_KERNEL") == "required" {
			t.Fatal(said.String())
		}
		t.Skip(said.String())
	}
	t.Cleanup(func() {
		input.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%v: %s", err, said.String())
		}
	})
	m := machine(first)
	await(t, "the end of booting", func() bool {
		state, _ := m.run("systemctl", "is-system-running", "--wait")
		return state == "running\n"
	})
	return m
}

// run runs a program there, for two minutes at most, and returns all that it says.
func (m machine) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	enter := []string{"--target", strconv.Itoa(int(m)), "--cgroup", "--ipc", "--mount", "--net", "--pid", "--uts", "--"}
	return output(exec.CommandContext(ctx, "nsenter", append(enter, args...)...))
}

func (m machine) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.run(args...)
	if err != nil {
		journal, _ := m.run("journalctl", "--no-pager", "--lines", "20")
		t.Fatalf("%s: %v\n%s\njournal:\n%s", strings.Join(args, " "), err, out, journal)
	}
	return out
}

// await waits for two minutes at most.
func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// write replaces a file, which others than root must not read.
func (m machine) write(t *testing.T, file, text string) {
	t.Helper()
	m.must(t, "sh", "-ec", `umask 077; printf %s "$2" >"$1"`, "sh", file, text)
}

// opens has both units run, and opens the door for the visitor.
func (m machine) opens(t *testing.T) {
	t.Helper()
	m.must(t, "systemctl", "reset-failed") // nftables.service may not be started often
	m.must(t, "systemctl", "start", "nftables", "knockc")
	m.must(t, "knockc", "grant", "ssh", visitor)
}

// is waits for what systemd has to do, which may be more than systemctl waits for. The policy
// is then loaded, or not, and its door open for the visitor, or not.
func (m machine) is(t *testing.T, loaded, open bool) {
	t.Helper()
	await(t, "the end of all jobs", func() bool { return m.must(t, "systemctl", "list-jobs", "--no-legend") == "" })
	rules := m.must(t, "nft", "list", "ruleset")
	if strings.Contains(rules, "table inet knockc {") != loaded || strings.Contains(rules, visitor+" . ") != open {
		t.Errorf("want loaded %v, open %v, and there is\n%s", loaded, open, rules)
	}
}

// began is when a unit became active: microseconds after some moment.
func (m machine) began(t *testing.T, unit string) int {
	t.Helper()
	text := m.must(t, "systemctl", "show", "--property", "ActiveEnterTimestampMonotonic", "--value", unit)
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n == 0 {
		t.Errorf("%s has not become active: %q", unit, text)
	}
	return n
}

// tryTrial kills all processes of a session with a policy on trial, as systemd-logind may
// do. A timer of systemd is left, and goes back to the policy before.
func (m machine) tryTrial(t *testing.T) {
	m.opens(t)
	const other = "/etc/knockc/other.knock"
	m.write(t, other, strings.Replace(ssh, "8003", "8004", 1))
	m.must(t, "systemd-run", "--quiet", "--unit", "session", "knockc", "apply", "-settle", "0", "-confirm", "20s", other)
	onTrial := func() bool { return strings.Contains(m.must(t, "nft", "list", "table", "inet", "knockc"), "8004") }
	await(t, "the trial", onTrial)
	m.must(t, "systemctl", "kill", "--signal", "KILL", "session")
	await(t, "the end of all processes", func() bool {
		_, err := m.run("sh", "-c", "grep -qx knockc /proc/[0-9]*/comm")
		return err != nil
	})
	if said, err := m.run("systemctl", "reload", "knockc"); err == nil || !onTrial() {
		t.Errorf("a reload ends the trial: %s", said)
	}
	await(t, "the rollback", func() bool { return !onTrial() })
	m.is(t, true, true)
	await(t, "the end of the timer", func() bool {
		return !strings.Contains(m.must(t, "systemctl", "list-units", "--all", "--plain", "--no-legend", "run-*"), "run-")
	})
}

// tryCodes: whatever loads the policy, its one-time codes are there soon after, and a timer
// loads more. What was used is known when the policy is gone.
func (m machine) tryCodes(t *testing.T) {
	m.opens(t)
	m.must(t, "knockc", "key", "/etc/knockc/ssh.key")
	m.write(t, policyFile, "knock ssh < otp/62201 -> 22 key \"ssh.key\" ahead 1h >\n")
	for _, event := range []string{
		"systemctl reload knockc", "systemctl restart knockc", "systemctl stop knockc; systemctl start knockc",
		"systemctl reload nftables", "systemctl restart nftables",
		"knockc apply -settle 0 -codes=false /etc/knockc/policy.knock; systemctl start knockc-refill.service",
	} {
		m.must(t, "systemctl", "reset-failed")
		m.must(t, "sh", "-ec", event)
		await(t, "the end of all jobs", func() bool { return m.must(t, "systemctl", "list-jobs", "--no-legend") == "" })
		if n := strings.Count(m.must(t, "nft", "list", "set", "inet", "knockc", "ssh_codes"), " expires "); n < 100 {
			journal, _ := m.run("journalctl", "--no-pager", "--lines", "20", "--unit", "knockc*")
			t.Errorf("%s: there are %d codes\n%s", event, n, journal)
		}
	}
	if said, _ := m.run("systemctl", "is-active", "knockc-refill.timer"); said != "active\n" {
		t.Errorf("the timer is %s", said)
	}
	m.must(t, "systemctl", "stop", "knockc")
	if said, _ := m.run("systemctl", "is-active", "knockc-refill.timer"); said == "active\n" {
		t.Error("the timer goes on without the policy")
	}
	if notes := m.must(t, "cat", "/var/lib/knockc/codes.json"); !strings.Contains(notes, `"knock": "ssh"`) {
		t.Errorf("the notes are\n%s", notes)
	}
}

// tryAnsible has the role of Ansible bring knockc onto the machine, which is its own controller.
func (m machine) tryAnsible(t *testing.T) {
	m.write(t, "/ansible/policy.knock", strings.Replace(ssh, "8003", "8004", 1))
	m.write(t, "/ansible/hosts.ini", "[knockc]\nlocalhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3 knockc_policy=policy.knock\n")
	built := strings.TrimSpace(m.must(t, "sh", "-c", "echo /*.deb"))
	for _, way := range []struct{ variable, command string }{
		{"knockc_deb=" + built, "/usr/bin/knockc"},
		{"knockc_binary=/knockc", "/usr/local/bin/knockc"},
	} {
		for _, changed := range []bool{true, false} {
			said := m.must(t, "sh", "-ec", "cd /ansible && ansible-playbook knockc.yml -e "+way.variable)
			if strings.Contains(said, "changed=0 ") == changed {
				t.Errorf("%s: want changes %v, and it says\n%s", way.variable, changed, said)
			}
		}
		m.is(t, true, false)
		m.must(t, "systemctl", "is-enabled", "knockc")
		m.must(t, "systemctl", "is-active", "knockc", "knockc-refill.timer")
		if unit := m.must(t, "systemctl", "show", "--property", "ExecStart", "knockc"); !strings.Contains(unit, "path="+way.command+" ;") {
			t.Errorf("%s: the unit runs %s", way.variable, unit)
		}
		m.must(t, "systemctl", "restart", "knockc")
		m.is(t, true, false)
		m.must(t, "cp", "/usr/bin/knockc", "/knockc")
	}
}
