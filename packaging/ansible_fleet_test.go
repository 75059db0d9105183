//go:build linux

package packaging

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

// fleet is hosts with sshd and knockc, and the controller of Ansible, on one wire.
type fleet struct {
	controller netns.Namespace
	hosts      []*host
	folder     string // of the controller
	knockc     string // the command, which is not in the controller's PATH
}

// host is one of them. It has a file system and processes of its own.
type host struct {
	netns.Namespace
	name, address string
	first         string // the id of its first process
	key           string // by which ssh knows it
}

// newFleet starts one, which ends with the test. The last host is one for which ssh knocks.
func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{controller: netns.NewNamespace(t), folder: t.TempDir()}
	f.knockc = filepath.Join(f.folder, "knockc")
	t.Setenv("CGO_ENABLED", "0")
	run(t, "go", "build", "-o", f.knockc, "../cmd/knockc")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f.folder+"/id")
	f.controller.IP(t, "link add wire type bridge", "address add "+controller+"/24 dev wire", "link set wire up")
	for i := range n {
		f.hosts = append(f.hosts, f.newHost(t, i+1))
	}
	f.writeInventory(t)
	return f
}

func (f *fleet) newHost(t *testing.T, number int) *host {
	t.Helper()
	h := &host{Namespace: netns.NewNamespace(t), name: fmt.Sprintf("h%02d", number), address: fmt.Sprintf("192.0.2.%d", 10+number)}
	f.controller.Wire(t, h.name, h.Namespace, "eth0")
	f.controller.IP(t, "link set "+h.name+" master wire")
	h.IP(t, "address add "+h.address+"/24 dev eth0")

	c := h.Command(context.Background(), "unshare", "--mount", "--pid", "--uts", "--fork",
		"testdata/host.sh", t.TempDir(), h.name, f.folder+"/id.pub", f.knockc)
	var said bytes.Buffer
	c.Stderr = &said
	input, output := netns.Start(t, c)
	t.Cleanup(func() {
		input.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v: %s", h.name, err, said.String())
		}
	})
	line, _ := bufio.NewReader(output).ReadString('\n')
	var ready bool
	if h.first, h.key, ready = strings.Cut(strings.TrimSpace(line), " "); !ready {
		t.Fatalf("%s does not start: %s", h.name, said.String())
	}
	return h
}

// run runs a program with the files of the host.
func (h *host) run(t *testing.T, args ...string) string {
	t.Helper()
	return h.Run(t, append([]string{"nsenter", "--mount=/proc/" + h.first + "/ns/mnt"}, args...)...)
}

// path is where a file of the host is.
func (h *host) path(file string) string { return "/proc/" + h.first + "/root" + file }

func (h *host) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(h.path(file))
	if err != nil {
		t.Fatalf("%s: %v", h.name, err)
	}
	return string(text)
}

// writeInventory writes what ansible-playbook and ssh need to know.
func (f *fleet) writeInventory(t *testing.T) {
	t.Helper()
	inventory, known := "[knockc]\n", ""
	for _, h := range f.hosts {
		inventory += h.name + " ansible_host=" + h.address + "\n"
		known += h.address + " " + h.key + "\n"
	}
	knocked := f.hosts[len(f.hosts)-1]
	inventory = strings.TrimSpace(inventory) + ` knockc_policy="{{ inventory_dir }}/knocked.knock"
[knockc:vars]
ansible_user=root
ansible_python_interpreter=/usr/bin/python3
ansible_ssh_common_args="-F {{ inventory_dir }}/ssh_config"
knockc_policy="{{ inventory_dir }}/policy.knock"
`
	config := fmt.Sprintf("IdentityFile %[1]s/id\nUserKnownHostsFile %[1]s/known\nStrictHostKeyChecking yes\n", f.folder) +
		"ServerAliveInterval 20\nServerAliveCountMax 9\n" + // what is cut off ends in three minutes
		"Host " + knocked.address + "\n\tProxyCommand sh -c '" + f.knockc + ` knock -steps "7001 9002 8003" %h >/dev/null && exec nc %h %p'` + "\n"
	for name, text := range map[string]string{"hosts.ini": inventory, "known": known, "ssh_config": config} {
		if err := os.WriteFile(filepath.Join(f.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// played is what ansible-playbook has said.
type played struct {
	hosts []*host
	said  string
	err   error
	again bool // what a play that hung has changed does not change again
}

// play plays the example on some hosts, as an administrator does who has made an inventory.
func (f *fleet) play(t *testing.T, hosts []*host, flags ...string) played {
	t.Helper()
	var names []string
	for _, h := range hosts {
		names = append(names, h.name)
	}
	again := false
	said, err := f.tryPlay(t, names, flags)
	if hung, ok := err.(*hungError); ok && !f.waitsForKnockc(hung) {
		t.Logf("Ansible hangs, and not for a command of knockc; it is run again: %v\n%s", err, said)
		for _, h := range hosts {
			h.run(t, "sh", "-c", "knockc rollback || true")
		}
		again = true
		said, err = f.tryPlay(t, names, flags)
	}
	if _, hung := err.(*hungError); hung {
		t.Fatalf("%v\n%s", err, said)
	}
	return played{hosts, said, err, again}
}

// waitsForKnockc reports whether it was a command of knockc that did not end.
func (f *fleet) waitsForKnockc(hung *hungError) bool {
	ours := map[string]bool{networkOf(f.controller): true}
	for _, h := range f.hosts {
		ours[networkOf(h.Namespace)] = true
	}
	return slices.ContainsFunc(hung.processes, func(p process) bool {
		program, arguments, _ := strings.Cut(p.command, " ")
		return ours[p.network] && filepath.Base(program) == "knockc" && !strings.HasPrefix(arguments, "rollback -due")
	})
}

func networkOf(ns netns.Namespace) string {
	network, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", int(ns)))
	return network
}

// tryPlay plays it once. It has ten times as long as an idle machine needs.
func (f *fleet) tryPlay(t *testing.T, names, flags []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+time.Duration(len(names))*20*time.Second)
	defer cancel()
	// The connections that ssh keeps end with the first process.
	c := f.controller.Command(ctx, append([]string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"ansible-playbook", "-i", f.folder + "/hosts.ini", "--limit", strings.Join(names, ","), "knockc.yml",
		"-e", "knockc_confirm=600"}, flags...)...) // that long, as twenty hosts on one machine may be slow
	c.Dir = "ansible"
	c.Env = append(os.Environ(), "ANSIBLE_HOME="+f.folder+"/ansible", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	return output(c)
}

// recap is a line for a host at the end.
var recap = regexp.MustCompile(`(?m)^h\d\d +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)`)

// succeeds wants no failures, and each host changed as often as between least and most.
func (p played) succeeds(t *testing.T, least, most int) {
	t.Helper()
	lines := recap.FindAllStringSubmatch(p.said, -1)
	if p.again {
		least = 0
	}
	good := p.err == nil && len(lines) == len(p.hosts)
	for _, line := range lines {
		changed, err := strconv.Atoi(line[1])
		good = good && err == nil && least <= changed && changed <= most && line[2] == "0" && line[3] == "0"
	}
	if !good {
		t.Errorf("want %d hosts without failures, each changed %d to %d times; %v\n%s", len(p.hosts), least, most, p.err, p.said)
	}
}

func (p played) fails(t *testing.T) {
	t.Helper()
	if p.err == nil {
		t.Errorf("it succeeds:\n%s", p.said)
	}
}

// tells wants a text so many times.
func (p played) tells(t *testing.T, times int, text string) {
	t.Helper()
	if n := strings.Count(p.said, text); n != times {
		t.Errorf("it says %q %d times, want %d:\n%s", text, n, times, p.said)
	}
}
