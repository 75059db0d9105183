package spec

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/knockd"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestKnockdOnKernel sends the same packets to two hosts. On one Debian's knockd runs with a
// configuration, on the other the policy that import makes of it. What is open on one is
// open on the other, except where import.md says otherwise.
func TestKnockdOnKernel(t *testing.T) {
	all := loadMoved(t)
	slices.SortFunc(all, func(a, b *moved) int { return cmp.Compare(b.lasts(), a.lasts()) })
	setUp := make(chan bool, 8) // so many at once, so that packets of others are not late
	var probes, differences atomic.Int32
	var done sync.WaitGroup
	for _, m := range all {
		setUp <- true
		begun := sync.OnceFunc(func() { <-setUp })
		done.Go(func() {
			defer begun()
			t.Run(m.name, func(t *testing.T) {
				requirePrograms(t, m.needs()...)
				for range 5 {
					v := &visits{t: t, moved: m, old: newDaemonHost(t, m), new: newPolicyHost(t, m)}
					begun()
					if v.make() {
						v.report()
						probes.Add(int32(v.probes))
						differences.Add(int32(len(m.knockd)))
						return
					}
				}
				t.Error("this machine is too busy: packets are late again and again")
			})
		})
	}
	done.Wait()
	t.Logf("%d configurations, %d attempts at services, %d of them with another outcome for a reason", len(all), probes.Load(), differences.Load())
}

// lasts is how long the visits take.
func (m *moved) lasts() time.Duration { return m.events[len(m.events)-1].At }

// visits are what the clients of a trace do at both hosts.
type visits struct {
	*moved
	t      *testing.T
	old    *daemonHost
	new    *movedHost
	probes int
	wrong  []string
}

// make sends the packets at their times. It is false if they were late, so that nothing
// follows from the outcome.
func (v *visits) make() bool {
	v.t.Helper()
	start, before := time.Now(), time.Duration(0)
	for _, e := range v.events {
		if e.Packet == nil {
			continue
		}
		time.Sleep(e.At - before)
		if e.Packet.Want == "" {
			v.new.sends(e.Packet)
			v.old.sends(e.Packet)
		} else {
			v.probe(e, e.At-before >= time.Second)
		}
		if time.Since(start) > e.At+lateness {
			return false
		}
		before = e.At
	}
	return true
}

// probe attempts a service. After a time without packets, a stop_command of knockd may still
// be pending.
func (v *visits) probe(e trace.Event, waited bool) {
	v.t.Helper()
	v.probes++
	policy, daemon := v.moved.letsIn(e)
	if got := v.new.letsIn(e.Packet); got != policy {
		v.wrong = append(v.wrong, fmt.Sprintf("visits.trace:%d: the policy lets in: %v", e.Span.Start.Line, got))
	}
	v.old.hears()
	got := v.old.letsIn(e.Packet)
	for deadline := time.Now().Add(lateness); got != daemon && waited && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
		got = v.old.letsIn(e.Packet)
	}
	if got != daemon {
		v.wrong = append(v.wrong, fmt.Sprintf("visits.trace:%d: knockd lets in: %v", e.Span.Start.Line, got))
	}
}

func (v *visits) report() {
	v.t.Helper()
	for _, w := range v.wrong {
		v.t.Error(w)
	}
	if len(v.wrong) > 0 {
		v.t.Logf("knockd says\n%s", v.old.says())
	}
}

// TestKnockdRefusesOnKernel: import calls errors what knockd refuses, and more only where
// import.md says so.
func TestKnockdRefusesOnKernel(t *testing.T) {
	requirePrograms(t, "knockd")
	ns := netns.NewNamespace(t)
	const door = "[a]\nsequence = 1,2\ncommand = true\n"
	steps := func(n int) string { return "[a]\nsequence = 1" + strings.Repeat(",7", n-1) + "\n" }
	for _, c := range []struct {
		conf    string
		refused bool
		error   string // which import.md gives, although knockd does not refuse that
	}{
		{conf: door},
		{conf: "[options]\nlogfile=/dev/null\n\tINTERFACE = none\n UseSyslog\n" + door},
		{conf: door + "tcpflags = syn,!ack\ntimeout = 5 # seconds\n"},
		{conf: door + "tcpflags = syn, !ack\n", refused: true},
		{conf: door + "tcpflags = syn,foo\n", refused: true},
		{conf: door + "tcpflags = SYN\nTCPFlags=!fin\n"},
		{conf: steps(32)},
		{conf: steps(33), refused: true},
		{conf: "[a]\nsequence = 1 , 2:UDP, 3:tcp ,4\n"},
		{conf: "[a]\nsequence = 1,2 # ssh\n"},
		{conf: "[a]\nsequence = 1,2:udp # ssh\n", refused: true},
		{conf: door + "tcpflags = syn # ssh\n", refused: true},
		{conf: "[a]\nsequence = 1,2:icmp\n", refused: true},
		{conf: "[a]\nsequence = 1,65536\n", refused: true},
		{conf: "[a]\nsequence = 1,x\n", error: "if a port or a number of seconds is not a number"},
		{conf: door + "cmd_timeout = soon\n", error: "if a port or a number of seconds is not a number"},
		{conf: "[options]\nUseSyslog\n", error: "if a file has no door"},
		{conf: "[a]\ncommand = true\n", refused: true},
		{conf: door + "start_comand = true\n", refused: true},
		{conf: door + "logfile = /dev/null\n", refused: true},
		{conf: door + "stop_command\n", refused: true},
		{conf: "[options]\nsequence = 1,2\n" + door, refused: true},
		{conf: "logfile = /dev/null\n" + door, refused: true},
		{conf: "[a] # ssh\nsequence = 1,2\n", refused: true},
		{conf: "[]\nsequence = 1,2\n", refused: true},
		{conf: "[options\n" + door, refused: true},
		{conf: "# only this\n; and this\n" + door, refused: true},
	} {
		file := filepath.Join(t.TempDir(), "knockd.conf")
		if err := os.WriteFile(file, []byte(c.conf), 0o600); err != nil {
			t.Fatal(err)
		}
		said, _ := ns.Command(t.Context(), "knockd", "-c", file, "-i", "none").CombinedOutput()
		if refused := strings.Contains(string(said), "usage:"); refused != c.refused {
			t.Errorf("%s\nknockd refuses it: %v\n%s", c.conf, refused, said)
		}
		_, found := knockd.Import("knockd.conf", []byte(c.conf))
		if wrong := lang.HasErrors(found); wrong != (c.refused || c.error != "") {
			t.Errorf("%s\nimport calls it an error: %v", c.conf, wrong)
		}
		if !strings.Contains(importPage(t), c.error) {
			t.Errorf("import.md does not say %q", c.error)
		}
	}
}
