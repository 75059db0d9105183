//go:build linux

package rehearse

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// agrees has real clients try what was judged. It leaves out knocks that no client of the lab
// may do, as nobody is at the other end of its tunnels, and knocks that clients are too slow for.
func (l *lab) agrees(t *testing.T, policy string, r *Report) {
	t.Helper()
	result := compile(t, policy)
	rules := script(t, result)
	mailboxes := map[uint16]netns.Mailbox{}
	for _, c := range r.Checks {
		i := slices.IndexFunc(result.Policy.Knocks, func(k *lang.Knock) bool { return k.Name.Text == c.Knock })
		k, v6 := result.Policy.Knocks[i], c.Family == compiler.IPv6
		v, there := l.clientFor(k, v6)
		if !there || k.Within < time.Second || c.Answer == NotJudged || c.Asks != Stranger && c.Asks != Service {
			continue
		}
		l.Host.Load(t, "add table inet knockc\ndelete table inet knockc\n"+rules)
		if c.Asks == Service {
			for _, step := range k.Steps {
				does(t, v, step, v6)
			}
		}
		to := serviceOf(k, c, v6)
		var in bool
		if c.Service.Proto == lang.UDP {
			box, has := mailboxes[to.Port()]
			if !has {
				box = l.Host.Mailbox(t, to.Port())
				mailboxes[to.Port()] = box
			}
			v.Datagram(t, to)
			in = box.Take(t) > 0
		} else {
			_, got := v.Connect(t, to)
			in = got == netns.Open
		}
		if wantIn := (c.Asks == Service) == (c.Answer == Good); in != wantIn {
			t.Errorf("%s, %v, %v: rehearsed %v, but for a client it is open: %v", c.Knock, to, c.Asks, c.Answer, in)
		}
	}
}

// clientFor is a client that a knock admits, if the lab has one. It is another one each time,
// unless `from` has few.
func (l *lab) clientFor(k *lang.Knock, v6 bool) (v netns.Visitor, there bool) {
	l.visitors++
	for _, one := range []struct {
		netns.Visitor
		by string
	}{{l.Visitor(l.visitors), "eth0"}, {l.Visitor(7), "eth0"}, {l.Insider(), "lan0"}} {
		if (len(k.From) == 0 || contains(k.From, one.Of(v6, 0).Addr())) && admits(k.On, one.by) {
			return one.Visitor, true
		}
	}
	return v, false
}

// container is the one of Docker's that the lab has.
var container = netip.MustParseAddr("172.17.0.2")

// serviceOf is where a check found a service.
func serviceOf(k *lang.Knock, c Check, v6 bool) netip.AddrPort {
	switch {
	case len(k.At) > 0 && !contains(k.At, netns.LabInner.Of(v6, 0).Addr()):
		return netip.AddrPortFrom(container, c.Service.First)
	case len(k.At) > 0:
		return netns.LabInner.Of(v6, c.Service.First)
	case c.By != nil && strings.Contains(c.By.Rule, "ip daddr 10.66.2.1"):
		return netip.AddrPortFrom(netip.MustParseAddr("10.66.2.1"), c.Service.First)
	}
	return netns.LabHost.Of(v6, c.Service.First)
}

// does does a step.
func does(t *testing.T, v netns.Visitor, step lang.Step, v6 bool) {
	t.Helper()
	to := netns.LabHost.Of(v6, step.Port)
	switch step.Proto {
	case lang.TCP:
		v.Connect(t, to)
	case lang.UDP:
		v.Datagram(t, to)
	case lang.Ping:
		v.Ping(t, to.Addr(), max(step.Length, 0))
	}
}
