//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// powered is a host whose power can fail. Its disk is a file system of its own, in a mount
// namespace that ends with the test.
type powered struct {
	*durable
	killer        *killer
	image, bootID string // files
	mounts        int    // the process that holds the namespace
	boots         int
}

func newPowered(t *testing.T) *powered {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil && os.Getenv("KNOCKC_KERNEL") != "required" {
		t.Skip(err)
	}
	folder := t.TempDir()
	a := newAdversary(t)
	m := &powered{killer: newKiller(t), image: filepath.Join(folder, "disk"), bootID: filepath.Join(folder, "boot_id")}
	m.durable = newDurable(a, filepath.Join(filepath.Dir(a.policy), "ssh.key"), m.inside, m.seen)
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", m.image, "16M").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	holder := exec.Command("unshare", "--mount", "sh", "-c", "echo && exec cat")
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		holder.Wait()
	})
	readUntil(t, output, "\n") // there is the namespace
	m.mounts = holder.Process.Pid
	m.forgets()                                             // the adversary's policy too, whose notes are elsewhere
	if out, err := m.mount().CombinedOutput(); err != nil { // as for root of a user namespace
		t.Skipf("no disks here: %s", out)
	}
	m.runs("mount", "--bind", m.bootID, "/proc/sys/kernel/random/boot_id")
	return m
}

// inside is a command on the host that sees the disk.
func (m *powered) inside(args ...string) *exec.Cmd {
	return m.Host.Command(m.Context(), append([]string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", m.mounts), "--"}, args...)...)
}

func (m *powered) mount() *exec.Cmd { return m.inside("mount", "-o", "loop", m.image, m.state) }

// seen is how the test sees a file on the disk.
func (m *powered) seen(file string) string { return fmt.Sprintf("/proc/%d/root%s", m.mounts, file) }

// loses cuts the power while a command runs: nothing more gets to the disk, and what is
// loaded is gone. Then the machine boots.
func (m *powered) loses(c *exec.Cmd) {
	m.Helper()
	disk, err := os.Open(m.seen(m.state))
	if err != nil {
		m.Fatal(err)
	}
	defer disk.Close()
	m.killer.kill(c, func() {
		const shutdown, notEvenTheJournal = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
		err = unix.IoctlSetPointerInt(int(disk.Fd()), shutdown, notEvenTheJournal)
	})
	if err != nil {
		m.Fatal(err)
	}
	disk.Close()
	m.runs("umount", m.state)
	if out, err := m.mount().CombinedOutput(); err != nil {
		m.Fatalf("the disk is broken: %s", out)
	}
	m.forgets()
}

// forgets loses what is not on the disk.
func (m *powered) forgets() {
	m.Helper()
	m.Host.Run(m.T, "nft", "flush", "ruleset")
	m.Host.Run(m.T, "nft", quietPort)
	m.boots++
	write(m.T, m.bootID, fmt.Sprintf("%08x-0000-4000-8000-000000000000\n", m.boots))
}

// TestPowerLossOnKernel cuts the power while codes are loaded or a policy is written: after
// the next boot the files are whole, what the unit runs loads the policy, and codes that
// were used stay used.
func TestPowerLossOnKernel(t *testing.T) {
	m := newPowered(t)
	write(t, m.seen(m.rules), m.texts[0])
	m.runs("sync", "-f", m.state)
	m.starts()
	for i := range share(6) {
		m.records(func() {
			m.getsIn(1, fmt.Sprintf("code %d", i), func() { m.client("udp4", "192.0.2.1:62201", 5+int64(i)) })
		})
		write(t, m.seen(m.rules), m.texts[1+i%2])
		m.runs("sync", "-f", m.state)
		m.runs("knockc", "refill")                                                 // notes which were used early
		m.Host.Run(t, "nft", "flush", "set", "inet", "knockc", "ssh_codes_loaded") // all are to be loaded afresh
		m.loses(m.inside(m.writers()[i%3]...))
		m.isWhole()
		m.starts()
		m.getsIn(0, "replays", m.replaysOnce)
	}
	t.Logf("the power failed %d times, %d times with a file beside the notes", share(6), m.beside)
}
