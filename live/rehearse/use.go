//go:build linux

package rehearse

import (
	"net/netip"
	"slices"

	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// use is what became of a use of the service after a knock.
type use struct {
	attempt
	end  *attempt // of the handshake of TCP, if it came to that
	none string   // why there was no use, "" if there was
}

// use uses the service, with `at` at those of the door's addresses that are another host's, if
// there are any. If that fails somewhere, it is that use, else the first.
func (t *trial) use(one stranger) (first use, err error) {
	targets := t.door(one).targets
	if elsewhere := slices.IndexFunc(targets, t.place.of.owns); elsewhere > 0 {
		targets = targets[:elsewhere]
	} else if len(t.knock.At) == 0 {
		targets = targets[:1]
	}
	t.Untried = max(t.Untried, len(targets)-maxOfKind)
	for i, to := range targets[:min(len(targets), maxOfKind)] {
		if i > 0 && (t.knock.Once || t.hurries()) {
			var none string
			if one, none, err = t.knockAgain(); none != "" || err != nil {
				return use{none: none}, err
			}
		}
		u, err := t.useAt(one, to)
		if err != nil || !u.works() {
			return u, err
		}
		if i == 0 {
			first = u
		}
	}
	return first, nil
}

// knockAgain knocks as another source.
func (t *trial) knockAgain() (one stranger, why string, err error) {
	for range 3 {
		if one, why, err = t.find(); why != "" || err != nil {
			return one, why, err
		}
		var s stepping
		if s, _, err = t.steps(one); err != nil || s.failed == "" {
			return one, "", err
		}
		why = s.failed
	}
	return one, why, nil
}

// useAt begins a connection to a server at an address, or sends a datagram.
func (t *trial) useAt(one stranger, to netip.Addr) (u use, err error) {
	p := packetOf(lang.Step{Proto: t.service.Proto, Port: t.service.First}, to)
	p.SrcPort, p.Silent = t.nextPort(), false
	if err := t.place.Listen(p.Proto, p.DstPort); err != nil {
		return u, err
	}
	defer t.place.Unlisten(p.Proto, p.DstPort)
	if u.attempt, err = t.send(one, p); err != nil || !u.reached() || u.Answer != netns.OtherAnswer || p.Proto != netns.TCP {
		return u, err
	}
	p.Flags = netns.ACK
	end, err := t.send(one, p)
	u.end = &end
	return u, err
}

// nextPort is a source port that the place does not choose itself.
func (r *rehearsal) nextPort() uint16 {
	const first, n = 61000, 4000
	r.uses++
	return uint16(first + r.uses%n)
}

// works reports whether a client gets in and hears the server. That a port is closed is an
// answer, too: a rule may lead to one that the place has no server at.
func (u use) works() bool {
	return u.none == "" && u.reached() && u.Answer != netns.NoAnswer && (u.end == nil || u.end.reached())
}

// all are the events of the packets in both directions.
func (u use) all() []nftrace.Event {
	all := append(u.events[:len(u.events):len(u.events)], u.answers...)
	if u.end != nil {
		all = append(all, u.end.events...)
	}
	return all
}

func (t *trial) judgeService(u use) {
	switch {
	case u.none != "":
		t.notJudged(u.none, Service)
	case u.works():
		t.add(t.check(Service, true, u.all(), ""))
	case !u.reached():
		t.add(t.shut(u.attempt))
	case u.Answer == netns.NoAnswer:
		t.add(t.unanswered(u.attempt))
	default:
		t.add(t.untracked(u))
	}
}

func (t *trial) shut(a attempt) Check {
	c := t.check(Service, false, a.events, "stays shut after the knock")
	if c.Answer == Bad {
		c.Hint = t.hintToOpen(a)
		switch {
		case len(a.events) == 0:
			c.Why += ": the kernel, or a chain before prerouting, drops it"
		case c.By == nil:
			c.Why += ": no rule stops it, but the kernel, which has no route or does not believe the source (rp_filter)"
		}
	}
	return c
}

func (t *trial) unanswered(a attempt) Check {
	c := t.check(Service, false, a.answers, "stays shut after the knock: the answer does not get out")
	if c.Answer == Bad {
		c.Hint = t.hintToAnswer(a)
		if c.By == nil {
			c.Why += ", for which the kernel has no route"
		}
	}
	return c
}

// untracked is the check if the second packet of a client is refused, as is one that conntrack
// does not know.
func (t *trial) untracked(u use) Check {
	c := t.check(Service, false, u.end.events, "stays shut after the knock: its connection is not tracked, so that what follows the first packet is refused")
	if by := t.book.untracks(u.all()); c.Answer == Bad && by != nil {
		c.By, c.Hint = by, "leave out `notrack` for this service"
	} else if c.Answer == Bad {
		c.Why = "stays shut after the knock: the second packet of a connection is stopped"
	}
	return c
}
