//go:build linux

package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// controller is the address that the hosts see.
const controller = "192.0.2.1"

// policyWith is one that lets the controller in. Its last step tells it from others.
func policyWith(step string) string {
	return "refuse reject\ntrust " + controller + "\nknock ssh < 7001 9002 " + step + " -> 22 grant 1h >\n"
}

// withoutTrust is the same policy for the host for which the controller knocks.
func withoutTrust(policy string) string {
	return strings.Replace(policy, "trust "+controller+"\n", "", 1)
}

// TestAnsibleOnKernel has the role of Ansible load policies on twenty hosts, over ssh. After
// whatever goes wrong all of them have the old policy, in the file and in the kernel.
func TestAnsibleOnKernel(t *testing.T) {
	need(t, "ansible-playbook", "ip", "nc", "nft", "nsenter", "ssh", "ssh-keygen", "sshd", "unshare")
	run(t, "ansible-playbook", "--syntax-check", "-i", "ansible/hosts.ini", "ansible/knockc.yml")
	f := newFleet(t, 20)
	all, some := f.hosts, f.hosts[17:]

	if !t.Run("first", func(t *testing.T) {
		f.write(t, policyWith("8003"))
		f.play(t, all).succeeds(t, 1, 9)
		f.have(t, all, "8003")
		f.opensDoor(t, f.hosts[0], f.hosts[1])
	}) {
		return
	}
	t.Run("second", func(t *testing.T) {
		f.play(t, all).succeeds(t, 0, 0)
	})
	t.Run("check", func(t *testing.T) {
		f.write(t, policyWith("8004"))
		said := f.play(t, some, "--check", "--diff")
		said.succeeds(t, 1, 9)
		said.tells(t, len(some), "knock ssh: `< 7001 9002 8004 >` instead of `< 7001 9002 8003 >`")
		f.have(t, some, "8003")
	})
	t.Run("mistake", func(t *testing.T) {
		f.write(t, strings.Replace(policyWith("8004"), "grant", "grnt", 1))
		said := f.play(t, some)
		said.fails(t)
		said.tells(t, len(some), "error: unknown clause `grnt` [K004]")
		f.have(t, all, "8003")

		t.Setenv("PATH", f.folder+":"+os.Getenv("PATH"))
		said = f.play(t, all)
		said.fails(t)
		said.tells(t, 1, f.folder+"/policy.knock:3:34: error: unknown clause `grnt`")
		said.tells(t, 0, "See whether systemd runs")
		f.have(t, all, "8003")
	})
	t.Run("rehearsal", func(t *testing.T) {
		published, other := f.hosts[2], f.hosts[3]
		published.Load(t, "table ip nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :80; }; }")
		f.write(t, "hook input\n"+policyWith("8004")+"knock web < 7002 9003 8005 -> 8080 >\n")
		said := f.play(t, []*host{published, other}, "-e", "knockc_confirm=10")
		said.fails(t)
		said.tells(t, 1, "knock web, 8080, IPv4: OPEN WITHOUT A KNOCK")
		f.have(t, []*host{published, other}, "8003")
	})
	t.Run("locked out", func(t *testing.T) {
		f.write(t, policyWith("8004"))
		said := f.play(t, some, "-e", "knockc_confirm=10")
		said.fails(t)
		said.tells(t, 1, "With the new policy, "+some[2].name+" cannot be reached by a new connection.")
		f.have(t, some, "8003")
		f.play(t, some[2:], "--check").succeeds(t, 1, 9)
	})
	t.Run("keys", func(t *testing.T) {
		t.Setenv("PATH", f.folder+":"+os.Getenv("PATH")) // the controller cannot check what is encrypted
		two := f.hosts[:2]
		f.write(t, "refuse reject\ntrust "+controller+"\nknock ssh < otp/62201 -> 22 key \"ssh.key\" ahead 1h >\n")
		if err := os.WriteFile(f.folder+"/password", []byte("password"), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "ansible-vault", "encrypt", "--vault-password-file", f.folder+"/password", f.folder+"/policy.knock", f.folder+"/knocked.knock")
		said := f.play(t, two, "-vvv", "--vault-password-file", f.folder+"/password", "-e", `{"knockc_keys": ["ssh.key"], "knockc_binary": "`+f.knockc+`"}`)
		said.succeeds(t, 1, 9)
		f.have(t, two, "62201")
		keys := map[string]bool{}
		for _, h := range two {
			key := strings.TrimSpace(h.read(t, "/etc/knockc/ssh.key"))
			said.tells(t, 0, key)
			keys[key] = true
			if h.read(t, "/usr/local/bin/knockc") != h.read(t, "/usr/bin/knockc") {
				t.Errorf("%s has another binary", h.name)
			}
		}
		if len(keys) != len(two) {
			t.Error("two hosts have the same key")
		}
	})
}

// write writes the policy that the hosts are to have.
func (f *fleet) write(t *testing.T, policy string) {
	t.Helper()
	for name, text := range map[string]string{"policy.knock": policy, "knocked.knock": withoutTrust(policy)} {
		if err := os.WriteFile(filepath.Join(f.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// have waits until no policy is on trial. The hosts then have one with this step.
func (f *fleet) have(t *testing.T, hosts []*host, step string) {
	t.Helper()
	for _, h := range hosts {
		await(t, "the end of the trial on "+h.name, func() bool {
			return !strings.Contains(h.run(t, "knockc", "status"), "ON TRIAL")
		})
		if rules := h.Run(t, "nft", "list", "table", "inet", "knockc"); !strings.Contains(rules, step) {
			t.Errorf("%s has loaded\n%s", h.name, rules)
		}
		if policy := h.read(t, "/etc/knockc/policy.knock"); !strings.Contains(policy, step) {
			t.Errorf("%s has the policy\n%s", h.name, policy)
		}
		if mode := h.run(t, "stat", "-c", "%U %a", "/etc/knockc/policy.knock"); mode != "root 600\n" {
			t.Errorf("%s: the policy is of %s", h.name, mode)
		}
		if _, err := os.Stat(h.path("/run/policy.new.knock")); err == nil {
			t.Errorf("%s has what was only checked", h.name)
		}
	}
}

// opensDoor knocks as a visitor whom the policy does not trust.
func (f *fleet) opensDoor(t *testing.T, of, visitor *host) {
	t.Helper()
	if !visitor.Finds(t, of.address+":22", false) {
		t.Error("the door is open without a knock")
	}
	visitor.Run(t, f.knockc, "knock", "-policy", f.folder+"/policy.knock", "ssh", of.address)
	if !visitor.Finds(t, of.address+":22", true) {
		t.Error("the door stays shut")
	}
}
