//go:build linux

package rehearse

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

// program is one of Debian's that manage firewalls.
type program struct {
	needs  []string // the first is its command
	begin  string   // starts it as it is after it was installed
	reload string
}

var ufw = program{
	needs:  []string{"ufw"},
	begin:  "ufw --force reset; ufw --force enable",
	reload: "ufw reload; ufw disable; ufw --force enable",
}

var firewalld = program{
	needs: []string{"firewall-cmd", "firewalld", "dbus-daemon"},
	begin: `mount -t tmpfs none /etc/firewalld; mkdir /run/dbus; ` +
		`printf '<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>` +
		`<policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>' >/run/dbus/conf; ` +
		`dbus-daemon --config-file=/run/dbus/conf --nofork & ` +
		`firewalld --nofork --nopid & ` +
		`for _ in $(seq 600); do ! firewall-cmd --state || break; sleep 0.1; done`,
	reload: "firewall-cmd --reload; firewall-cmd --complete-reload",
}

func fail2ban(settings string) program {
	return program{
		needs: []string{"fail2ban-client", "fail2ban-server"},
		begin: `mkdir /run/fail2ban; : >/var/log/auth.log; rm -f /etc/fail2ban/jail.d/*; ` +
			`printf '[Definition]\nlogtarget = /run/fail2ban/log\n' >/etc/fail2ban/fail2ban.local; ` +
			`printf '[sshd]\nenabled = true\nbackend = polling\n` + settings + `' >/etc/fail2ban/jail.local; fail2ban-client start`,
		reload: "fail2ban-client reload; fail2ban-client restart",
	}
}

const (
	web        = "knock web < 7001 9002 8003 -> 8080 >\n"
	long       = "knock ssh < 7001 9002 8003 -> 22 grant 1h >\n"
	nas        = "knock nas < 7001 9002 8003 -> 445 at 10.66.2.2 2001:db8:66::2 >\n"
	forwarding = "firewall-cmd --add-forward-port=port=8080:proto=tcp:toaddr=10.66.2.2:toport=80; " +
		"firewall-cmd --add-rich-rule='rule family=ipv6 forward-port port=8080 protocol=tcp to-addr=2001:db8:66::2 to-port=80'"
	ufwDenies = "`ufw status numbered` shows this rule: remove it with `ufw delete NUMBER`"

	docker = "grep -v :INPUT ../../testdata/docker/rules.v4 | iptables-nft-restore -n; grep -v :INPUT ../../testdata/docker/rules.v6 | ip6tables-nft-restore -n"
)

// TestProgramsOnKernel: beside the rules of programs that manage firewalls, a policy works
// as it was rehearsed, and if it did not, it does after what the rehearsal says was typed.
func TestProgramsOnKernel(t *testing.T) {
	for _, s := range []struct {
		name string
		program
		then   string // what its user has typed
		policy string
		want   string
	}{
		{"ufw", ufw, "ufw allow 443/tcp", ssh, `
			ssh 22 IPv4 service bad: table ip filter, chain INPUT: policy drop; ufw allow 22/tcp
			ssh 22 IPv6 service bad: table ip6 filter, chain INPUT: policy drop; ufw allow 22/tcp`},
		{"ufw that limits", ufw, "ufw limit 22/tcp; ufw reload", ssh, ""},
		{"ufw that denies", ufw, "ufw deny 22/tcp", ssh, `
			ssh 22 IPv4 service bad: table ip filter, chain ufw-user-input: -A ufw-user-input -p tcp -m tcp --dport 22 -j DROP; ` + ufwDenies + `
			ssh 22 IPv6 service bad: table ip6 filter, chain ufw6-user-input: -A ufw6-user-input -p tcp -m tcp --dport 22 -j DROP; ` + ufwDenies},
		{"ufw on a router", ufw, "", nas, `
			nas 445 IPv4 service bad: table ip filter, chain FORWARD: policy drop; ufw route allow proto tcp to 10.66.2.2 port 445
			nas 445 IPv6 service bad: table ip6 filter, chain FORWARD: policy drop; ufw route allow proto tcp to 2001:db8:66::2 port 445`},
		{"ufw and Docker", ufw, docker, web, ""},
		{"firewalld, whose zone public lets ssh in", firewalld, "", ssh + "knock web < 7001 9002 8003 -> 80 >\n", `
			web 80 IPv4 service bad: table inet firewalld, chain filter_IN_public: reject with icmpx admin-prohibited; firewall-cmd --zone=public --add-port=80/tcp
			web 80 IPv6 service bad: table inet firewalld, chain filter_IN_public: reject with icmpx admin-prohibited; firewall-cmd --zone=public --add-port=80/tcp`},
		{"firewalld with an interface in another zone", firewalld, "firewall-cmd --permanent --zone=dmz --add-interface=eth0; firewall-cmd --reload", "knock web < 7001 9002 8003 -> 80 from 0.0.0.0/0 >\n", `
			web 80 IPv4 service bad: table inet firewalld, chain filter_IN_dmz: reject with icmpx admin-prohibited; firewall-cmd --zone=dmz --add-port=80/tcp`},
		{"firewalld with a rich rule", firewalld, `firewall-cmd --add-rich-rule='rule service name="ssh" drop'`, ssh, `
			ssh 22 IPv4 service bad: table inet firewalld, chain filter_IN_public_deny: tcp dport 22 drop
			ssh 22 IPv6 service bad: table inet firewalld, chain filter_IN_public_deny: tcp dport 22 drop`},
		{"firewalld on a router", firewalld, "", nas, `
			nas 445 IPv4 service bad: table inet firewalld, chain filter_FWD_public: reject with icmpx admin-prohibited; a policy of firewalld that accepts 445/tcp: see man firewalld.policies
			nas 445 IPv6 service bad: table inet firewalld, chain filter_FWD_public: reject with icmpx admin-prohibited; a policy of firewalld that accepts 445/tcp: see man firewalld.policies`},
		{"firewalld that forwards a port", firewalld, forwarding, web, ""},
		{"firewalld that forwards a port, at the hook input", firewalld, forwarding, "hook input\n" + web, `
			web 8080 IPv4 stranger bad: table inet firewalld, chain nat_PRE_public_allow: meta nfproto ipv4 tcp dport 8080 dnat ip to 10.66.2.2:80; leave out ` + "`hook input`" + `
			web 8080 IPv6 stranger bad: table inet firewalld, chain nat_PRE_public_allow: meta nfproto ipv6 tcp dport 8080 dnat ip6 to [2001:db8:66::2]:80; leave out ` + "`hook input`"},
		{"fail2ban", fail2ban(""), "fail2ban-client set sshd banip 203.0.113.7 2001:db8::7", ssh, ""},
	} {
		t.Run(s.name, func(t *testing.T) {
			l := newLab(t, s.needs...)
			types := l.logsIn(t)
			types(s.begin)
			types(s.then)
			r := l.rehearse(t, s.policy)
			if got, want := lines(r), linesOf(s.want); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s\nlost: %q", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Lost)
			}
			l.agrees(t, s.policy, r)
			hints := commands(r)
			if len(hints) == 0 {
				return
			}
			for _, hint := range hints {
				types(hint)
			}
			l.Host.Run(t, "nft", "delete", "table", "inet", "knockc")
			r = l.rehearse(t, s.policy)
			if got := lines(r); got != nil {
				t.Errorf("after %s:\n%s", strings.Join(hints, " and "), strings.Join(got, "\n"))
			}
			l.agrees(t, s.policy, r)
		})
	}
}

// TestProgramsKeepDoorsOnKernel: after what spec/hosts.md says was typed, a door opens, and
// stays open while a program loads its rules again.
func TestProgramsKeepDoorsOnKernel(t *testing.T) {
	for _, p := range []program{ufw, firewalld, fail2ban("")} {
		t.Run(p.needs[0], func(t *testing.T) {
			l := newLab(t, p.needs...)
			types := l.logsIn(t)
			types(p.begin)
			for _, command := range inDocument(t, `(?m)^    (`+p.needs[0]+` .*)$`) {
				types(command)
			}
			l.Host.Load(t, script(t, compile(t, long)))
			v := l.Visitor(1)
			l.knocks(t, v)
			types(p.reload)
			if got := l.finds(t, v); got != netns.Open {
				t.Errorf("the door is %s", got)
			}
			if got := l.finds(t, l.Visitor(2)); got == netns.Open {
				t.Error("the door is open for all")
			}
		})
	}
}

// TestDocumentedRulesOnKernel: beside the rules in spec/hosts.md everything works, also for
// those whose neighbours have to be found first.
func TestDocumentedRulesOnKernel(t *testing.T) {
	l := newLab(t)
	for _, rules := range inDocument(t, "(?s)\n```nft\n(.*?)```\n") {
		l.rules(t, rules)
		for _, ns := range []netns.Namespace{l.Client, l.Host} {
			ns.IP(t, "neigh flush dev eth0")
		}
		r := l.rehearse(t, ssh)
		if got := lines(r); got != nil {
			t.Errorf("%s\n%s", rules, strings.Join(got, "\n"))
		}
		l.agrees(t, ssh, r)
	}
}

// inDocument are the parts of spec/hosts.md that a pattern matches.
func inDocument(t *testing.T, pattern string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../spec/hosts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	if all == nil {
		t.Fatalf("spec/hosts.md has no %s", pattern)
	}
	return all
}

// TestBannedOnKernel: a source that fail2ban has banned opens the door, but gets in only
// after it is unbanned.
func TestBannedOnKernel(t *testing.T) {
	for _, settings := range []string{"", `banaction = nftables[type=allports]\n`} {
		p := fail2ban(settings)
		l := newLab(t, p.needs...)
		types := l.logsIn(t)
		types(p.begin)
		l.Host.Load(t, script(t, compile(t, long)))
		v := l.Visitor(1)
		types("fail2ban-client set sshd banip " + v.Of(false, 0).Addr().String())
		l.knocks(t, v)
		if got := l.finds(t, v); got == netns.Open {
			t.Errorf("%q: a banned source finds the door %s", settings, got)
		}
		types("fail2ban-client set sshd unbanip " + v.Of(false, 0).Addr().String())
		if got := l.finds(t, v); got != netns.Open {
			t.Errorf("%q: an unbanned source finds the door %s", settings, got)
		}
	}
}

// knocks does the steps of the ssh policy over IPv4; finds tries its service.
func (l *lab) knocks(t *testing.T, v netns.Visitor) {
	t.Helper()
	for _, port := range []uint16{7001, 9002, 8003} {
		v.Connect(t, netns.LabHost.Of(false, port))
	}
}

func (l *lab) finds(t *testing.T, v netns.Visitor) netns.Outcome {
	t.Helper()
	_, got := v.Connect(t, netns.LabHost.Of(false, 22))
	return got
}

// commands are the hints that are commands of such programs.
func commands(r *Report) (all []string) {
	for _, c := range r.Checks {
		is := slices.ContainsFunc([]string{"ufw ", "firewall-cmd ", "iptables ", "ip6tables ", "nft "}, func(program string) bool { return strings.HasPrefix(c.Hint, program) })
		if is && !slices.Contains(all, c.Hint) {
			all = append(all, c.Hint)
		}
	}
	return all
}

// logsIn starts a shell on the host, for as long as the test lasts, and returns what types a
// command there. What commands have started ends with the shell, and nobody else sees what
// they write below /etc, /run and /var.
func (l *lab) logsIn(t *testing.T) (types func(command string)) {
	t.Helper()
	const shell = `
		exec 3>&1 >&2
		mount -t tmpfs none /mnt
		for d in etc var; do
			mkdir -p /mnt/$d/upper /mnt/$d/work
			mount -t overlay -o lowerdir=/$d,upperdir=/mnt/$d/upper,workdir=/mnt/$d/work none /$d
		done
		mount -t tmpfs none /run
		while read -r line; do
			(set -e; eval "$line") </dev/null
			echo $? >&3
		done`
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	c := l.Host.Command(ctx, "unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "sh", "-c", shell)
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	c.Stderr = said
	input, output := netns.Start(t, c)
	t.Cleanup(func() {
		input.Close()
		c.Wait()
		cancel()
	})
	statuses := bufio.NewReader(output)
	return func(command string) {
		t.Helper()
		fmt.Fprintln(input, command)
		if status, _ := statuses.ReadString('\n'); status != "0\n" {
			text, _ := os.ReadFile(said.Name())
			t.Fatalf("%s: exit status %s\n%s", command, status, text)
		}
	}
}
