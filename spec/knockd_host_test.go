package spec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// movedHost is a host in a lab of its own, with somebody at each service.
type movedHost struct {
	*testing.T
	*netns.Lab
	mailboxes map[string]netns.Mailbox
	talks     map[netip.AddrPort]net.Conn // by the source that the trace gives
	lastPort  uint16
}

// newMovedHost returns a host whose services answer, without rules.
func newMovedHost(t *testing.T, m *moved) *movedHost {
	t.Helper()
	h := &movedHost{t, netns.NewLab(t), map[string]netns.Mailbox{}, map[netip.AddrPort]net.Conn{}, 20000}
	if iface := m.iface(); iface != "eth0" && iface != "any" {
		h.rename(iface)
	}
	served := map[string]bool{}
	for _, e := range m.events {
		if e.Packet == nil || e.Packet.Want == "" || served[serviceOf(e.Packet)] {
			continue
		}
		served[serviceOf(e.Packet)] = true
		at := h.Host
		if e.Packet.To != nil && e.Packet.To.Addr == netns.LabInner.Of(e.Packet.Src.Is6(), 0).Addr() {
			at = h.Inner
		}
		if e.Packet.Proto == lang.UDP {
			h.mailboxes[serviceOf(e.Packet)] = at.Mailbox(t, e.Packet.DstPort)
		} else {
			at.Serve(t, fmt.Sprint(e.Packet.DstPort))
		}
	}
	return h
}

// serviceOf names the service that a packet goes to.
func serviceOf(p *trace.Packet) string {
	where := "host"
	if p.To != nil {
		where = p.To.Addr.String()
	}
	return fmt.Sprintf("%v/%d at %s", p.Proto, p.DstPort, where)
}

var interfaceLine = regexp.MustCompile(`(?im)^\s*interface\s*=\s*(\S+)`)

// iface is the interface that knockd listens on.
func (m *moved) iface() string {
	if found := interfaceLine.FindStringSubmatch(m.conf); found != nil {
		return found[1]
	}
	return "eth0"
}

// rename gives the host's interface to the client another name.
func (h *movedHost) rename(iface string) {
	h.Helper()
	h.Host.IP(h.T, "link set eth0 down", "link set eth0 name "+iface, "link set "+iface+" up",
		"address add 2001:db8::1/64 dev "+iface+" nodad",
		"route add 198.51.100.0/24 via 192.0.2.2", "route add 2001:db8:c::/64 via 2001:db8::2")
}

// visitor is who sends a packet, and where it goes.
func (h *movedHost) visitor(p *trace.Packet) (netns.Visitor, netip.AddrPort) {
	v6 := p.Src.Is6()
	v := h.Visitor(0)
	if netns.LabInner.Of(v6, 0).Addr() == p.Src {
		v = h.Insider()
	}
	v.Addresses = netns.Addresses{p.Src, p.Src}
	to := netns.LabHost.Of(v6, p.DstPort)
	if p.To != nil {
		to = netip.AddrPortFrom(p.To.Addr, p.DstPort)
	}
	return v, to
}

// sends sends a packet of a knock.
func (h *movedHost) sends(p *trace.Packet) {
	h.Helper()
	v, to := h.visitor(p)
	h.lastPort++
	from := netip.AddrPortFrom(p.Src, h.lastPort)
	if p.Proto == lang.UDP {
		v.Packet(h.T, datagram{src: from, dst: to, data: []byte("knock")}.packet())
		return
	}
	v.Packet(h.T, segment{src: from, dst: to, flags: p.Flags, seq: 1000, ack: 1}.packet())
}

// letsIn makes an attempt at a service, or says something in a connection, and reports
// whether it gets there.
func (h *movedHost) letsIn(p *trace.Packet) bool {
	h.Helper()
	v, to := h.visitor(p)
	source := netip.AddrPortFrom(p.Src, p.SrcPort)
	switch {
	case p.Proto == lang.UDP:
		v.Datagram(h.T, to)
		return h.mailboxes[serviceOf(p)].Take(h.T) > 0
	case p.Flags == lang.ACK:
		return echoes(h.talks[source])
	}
	c, o := v.Connect(h.T, to)
	if c != nil && p.SrcPort != 0 {
		h.talks[source] = c
	} else if c != nil {
		c.Close()
	}
	return o == netns.Open
}

// echoes reports whether a connection is there, and goes on.
func echoes(c net.Conn) bool {
	if c == nil {
		return false
	}
	c.SetDeadline(time.Now().Add(lateness))
	fmt.Fprint(c, "hello")
	_, err := io.ReadFull(c, make([]byte, len("hello")))
	return err == nil
}

// newPolicyHost is a host with the policy, whose own firewall accepts what that guards and
// nothing else, as import.md says.
func newPolicyHost(t *testing.T, m *moved) *movedHost {
	t.Helper()
	accept := ""
	for _, k := range m.policy.Knocks {
		for _, s := range k.Services {
			accept += fmt.Sprintf("%v dport %d-%d accept\n", s.Proto, s.First, s.Last)
		}
	}
	h := newMovedHost(t, m)
	h.Host.Load(t, `
		table inet host {
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				meta l4proto { icmp, ipv6-icmp } accept
				`+accept+`
			}
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
				`+accept+`
			}
		}
	`+script(t, m.result))
	return h
}

// daemonHost is a host with knockd.
type daemonHost struct {
	*movedHost
	holder  int    // the parent of knockd, the first process of its namespace
	said    string // the file that it writes to
	unheard bool   // packets have been sent since it was last asked
}

// sentinel is a door that is nobody's. When knockd has seen a packet at its second step, which
// begins nothing, it has seen all packets that were sent before.
const sentinel = "\n[sentinel]\nsequence = 2:udp,1:udp\ncommand = true\n"

// newDaemonHost is a host with knockd, and with the firewall that the configuration is for.
// What it writes below /etc, /run, /usr/local and /var nobody else sees, and it ends with
// the test.
func newDaemonHost(t *testing.T, m *moved) *daemonHost {
	t.Helper()
	const own = `
		set -e
		mount -t tmpfs none /mnt
		for d in etc usr/local var; do
			mkdir -p /mnt/$d/upper /mnt/$d/work
			mount -t overlay -o lowerdir=/$d,upperdir=/mnt/$d/upper,workdir=/mnt/$d/work none /$d
		done
		mount -t tmpfs none /run
		mkdir -p /usr/local/sbin
	`
	functions, err := os.ReadFile("knockd/hosts.sh")
	if err != nil {
		t.Fatal(err)
	}
	host := m.host
	if !strings.Contains(host, "_host\n") {
		host = "iptables_host\n" + host
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "knockd.conf")
	if err := os.WriteFile(conf, []byte(m.conf+sentinel), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &daemonHost{movedHost: newMovedHost(t, m), said: filepath.Join(dir, "said")}
	said, err := os.Create(h.said)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	ctx, cancel := context.WithCancel(context.Background())
	c := h.Host.Command(ctx, "unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child",
		"sh", "-c", own+string(functions)+host+"exec knockd --debug --verbose --config "+conf)
	c.Stdout, c.Stderr = said, said
	c.Env = append(os.Environ(), "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		c.Wait()
	})
	h.holder = c.Process.Pid
	h.await("knockd", func() bool { return strings.Contains(h.says(), "listening on") })
	return h
}

// says is all that knockd has written.
func (h *daemonHost) says() string {
	text, err := os.ReadFile(h.said)
	if err != nil {
		h.Fatal(err)
	}
	return string(text)
}

// await waits for what must come.
func (h *daemonHost) await(what string, is func() bool) {
	h.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			h.Fatalf("no %s; knockd says\n%s", what, h.says())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (h *daemonHost) sends(p *trace.Packet) {
	h.Helper()
	h.movedHost.sends(p)
	h.unheard = true
}

// hears waits until knockd has seen all packets, and no command of its doors is running.
func (h *daemonHost) hears() {
	h.Helper()
	if !h.unheard {
		return
	}
	h.unheard = false
	from := h.Visitor(254).Of(false, 0).Addr()
	h.movedHost.sends(&trace.Packet{Src: from, Proto: lang.UDP, DstPort: 1})
	last := fmt.Sprintf(" %v:%d -> %v:1 ", from, h.lastPort, netns.LabHost[0])
	h.await("packet at the sentinel", func() bool { return strings.Contains(h.says(), last) })
	// A look at all processes takes a moment, and misses what begins in it: look twice.
	h.await("end of a command", func() bool { return h.idle() && h.idle() })
}

// idle reports whether each child of knockd sleeps until its stop_command, or has ended.
func (h *daemonHost) idle() bool {
	const knockd = 1
	children := h.processes()
	for _, child := range children[knockd] {
		if child.state != "Z" && (child.state != "S" || len(children[child.id]) > 0) {
			return false
		}
	}
	return true
}

type process struct {
	id    int
	state string
}

// processes are those of the host by their parent. knockd is the first of them.
func (h *daemonHost) processes() map[int][]process {
	h.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/proc/[0-9]*/stat", h.holder))
	if err != nil || len(stats) == 0 {
		h.Fatalf("no processes of the host: %v", err)
	}
	children := map[int][]process{}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], process{id, fields[0]})
	}
	return children
}

// needs are the programs that a configuration and its host take.
func (m *moved) needs() []string {
	programs := []string{"knockd", "iptables", "ip6tables"}
	for _, program := range []string{"ufw", "ipset", "firewalld"} {
		if strings.Contains(m.conf+m.host, program) {
			programs = append(programs, program)
		}
	}
	return programs
}

// requirePrograms skips the test if the machine lacks a program.
func requirePrograms(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("KNOCKC_KERNEL") == "required" {
			t.Fatal(err)
		} else if err != nil {
			t.Skip(err)
		}
	}
}
