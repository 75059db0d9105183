//go:build linux

package rehearse

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// trial tries a service of a knock in a family.
type trial struct {
	*rehearsal
	knock   *lang.Knock
	service lang.Service
	family  compiler.Family

	refusedBy *Rule // what stopped a stranger, if one did
}

func (t *trial) run() error {
	one, why, err := t.find()
	if why != "" || err != nil {
		t.notJudged(why, Stranger, Steps, Service, Grant)
		return err
	}
	a, err := t.tryAsStranger(one)
	if err != nil {
		return err
	}
	t.judgeStranger(a)
	if err := t.compareClosed(a); err != nil {
		return err
	}
	for try := 1; ; try++ {
		done, err := t.tryKnock(try == 3 || !t.hurries())
		if done || err != nil {
			return err
		}
	}
}

// hurries reports whether the knock may fail on a busy machine.
func (t *trial) hurries() bool {
	k := t.knock
	return min(k.Within, k.Grant) < time.Second || k.Total != 0 && k.Total < time.Second
}

// find finds a stranger of whom the rules know nothing.
func (t *trial) find() (one stranger, why string, err error) {
	one, why = t.strangers.find(t.knock, t.service, t.family == compiler.IPv6)
	if t.strangers.again {
		err = t.forget()
	}
	return one, why, err
}

// tryAsStranger tries the door as strangers do. If one gets in, it is that attempt, else the
// first.
func (t *trial) tryAsStranger(one stranger) (first attempt, err error) {
	visits, left := t.strangers.visits(t.door(one), one)
	t.Untried = max(t.Untried, left)
	for i, v := range visits {
		p := packetOf(lang.Step{Proto: t.service.Proto, Port: v.port}, v.to)
		a, err := t.send(stranger{src: v.src, iface: v.by}, p)
		if err != nil || a.reached() {
			return a, err
		}
		if i == 0 {
			first = a
		} else {
			first.events = append(first.events, a.events...)
		}
	}
	return first, nil
}

// tryKnock knocks and uses the service. A try that fails is judged only if it is the last.
func (t *trial) tryKnock(last bool) (done bool, err error) {
	one, why, err := t.find()
	if why != "" || err != nil {
		t.notJudged(why, Steps, Service, Grant)
		return true, err
	}
	steps, lasts, err := t.steps(one)
	if err != nil || steps.failed != "" && !last {
		return false, err
	}
	judged := t.check(Steps, steps.failed == "", steps.events, steps.failed)
	if judged.Answer == Bad && judged.By == nil {
		judged.By = t.book.translates(steps.events)
	}
	t.doubtRefusal(judged)
	t.add(judged)
	if steps.failed != "" {
		t.notJudged("a step does not move the knock", Service, Grant)
		return true, nil
	}
	u, err := t.use(one)
	if err != nil {
		return false, err
	}
	t.judgeService(u)
	t.judgeGrant(lasts, steps.events)
	return true, nil
}

// stepping is what became of the steps.
type stepping struct {
	events []nftrace.Event
	failed string // what did not happen, "" if all did
}

// steps does the steps and returns how long the grant lasts.
func (t *trial) steps(from stranger) (s stepping, lasts time.Duration, err error) {
	places := t.Places[t.knock.Name.Text]
	for i, step := range t.knock.Steps {
		p, err := t.packet(step, from)
		if err != nil {
			return s, 0, err
		}
		a, err := t.send(from, p)
		if err != nil {
			return s, 0, err
		}
		at := places.Grant
		if i < len(places.Steps) {
			at = places.Steps[i]
		}
		s.events = append(s.events, t.before(a.events)...)
		timeout, moved, err := t.sets.timeout(at, t.family, from.src)
		if err != nil {
			return s, 0, err
		}
		if !moved {
			s.events = a.events
			s.failed = fmt.Sprintf("step %d (%v) does not move it", i+1, step)
			if len(a.events) == 0 {
				s.failed += ": the kernel, or a chain before prerouting, drops it"
			}
			return s, 0, nil
		}
		lasts = timeout
	}
	return s, lasts, nil
}

// before are the events before the policy sees the packet.
func (t *trial) before(events []nftrace.Event) []nftrace.Event {
	if i := slices.IndexFunc(events, t.own); i >= 0 {
		return events[:i]
	}
	return events
}

// packetOf is the packet that does a step, as a client sends it, to which nobody listens.
func packetOf(s lang.Step, to netip.Addr) netns.Packet {
	switch s.Proto {
	case lang.UDP:
		return netns.Packet{Proto: netns.UDP, DstPort: s.Port, Dst: to, Payload: "\n", Silent: true}
	case lang.Ping:
		length := s.Length
		if length == lang.AnyLength {
			length = lang.UsualPingLength
		}
		return netns.Packet{Proto: netns.Ping, Length: length, Dst: to}
	}
	return netns.Packet{Proto: netns.TCP, Flags: netns.SYN, Options: true, DstPort: s.Port, Dst: to, Silent: true}
}

// door is a service and where it is: at the host's own addresses, or with `at` at one or two of
// each prefix.
type door struct {
	service lang.Service
	targets []netip.Addr // those of other hosts come first
}

func (t *trial) door(from stranger) door {
	d := door{t.service, from.own}
	if len(t.knock.At) > 0 {
		d.targets = nil
	}
	for _, p := range t.knock.At {
		if p.Addr().Is6() == from.src.Is6() {
			d.targets = append(d.targets, t.place.of.someOf(p.Prefix)...)
		}
	}
	slices.SortStableFunc(d.targets, func(a, b netip.Addr) int { return bit(t.place.of.owns(a)) - bit(t.place.of.owns(b)) })
	return d
}

// someOf are addresses in a prefix: one of another host, and one of the host's own, as far as
// it has such.
func (h *host) someOf(p netip.Prefix) (some []netip.Addr) {
	const most = 256
	a := p.Masked().Addr()
	if !p.IsSingleIP() {
		a = a.Next() // the first one is that of the network
	}
	for tries := 0; tries < most && p.Contains(a); tries, a = tries+1, a.Next() {
		if !h.owns(a) {
			some = append(some, a)
			break
		}
	}
	for _, own := range h.addresses {
		if p.Contains(own.prefix.Addr()) {
			return append(some, own.prefix.Addr())
		}
	}
	return some
}

// check is the answer to a question that the copy has answered. What it says is in doubt
// if a rule asked for what the copy does not have, or stands in a table that is different
// there, and what is good also if it lacks a table.
func (t *trial) check(q Question, good bool, events []nftrace.Event, why string) Check {
	c := t.answer(q, Good)
	if !good {
		c.Answer, c.Why = Bad, why
		by, event := t.book.stops(events)
		c.By = by
		if of := t.book.table(event.Table); of != nil && of.lost != "" {
			c.Answer, c.By, c.Why = NotJudged, nil, of.String()+" could not be copied"
		}
	}
	for _, e := range events {
		if what := t.inexact[e.Chain]; what != "" {
			c.Answer, c.By, c.Hint = NotJudged, nil, ""
			c.Why = fmt.Sprintf("%s, chain %s asks for %s, which the copy does not have", e.Table, e.Name, what)
		}
	}
	if lost := t.lost[t.family]; good && lost != "" && c.Answer == Good {
		c.Answer, c.Why = NotJudged, lost
	}
	return c
}

func (t *trial) answer(q Question, a Answer) Check {
	return Check{Knock: t.knock.Name.Text, Service: t.service, Family: t.family, Asks: q, Answer: a}
}

func (t *trial) notJudged(why string, questions ...Question) {
	for _, q := range questions {
		c := t.answer(q, NotJudged)
		c.Why = why
		t.add(c)
	}
}

func (t *trial) add(c Check) { t.Checks = append(t.Checks, c) }

// judgeStranger judges an attempt. One that got in did so although the copy may lack what some
// rule asks for: hardly any host has just the rule that would stop it.
func (t *trial) judgeStranger(a attempt) {
	if !a.reached() {
		t.add(t.check(Stranger, true, a.events, ""))
		t.refusedBy, _ = t.book.stops(a.events)
		return
	}
	c := t.answer(Stranger, Bad)
	c.Why, c.By = "open without a knock", t.lets(a.events)
	c.Hint = t.hintToShut(c.By)
	t.add(c)
}

// lets is what let a packet in. If that was the policy, the first of its rules did.
func (t *trial) lets(events []nftrace.Event) *Rule {
	i := slices.IndexFunc(events, func(e nftrace.Event) bool {
		return e.Kind == nftrace.Rule && e.Verdict == nftrace.Accept && t.own(e)
	})
	if i >= 0 && t.book.translates(events) == nil {
		return t.book.rule(events[i])
	}
	return t.book.lets(events)
}

// doubtRefusal takes back that strangers are refused, if what refused them stops steps, too:
// a rule that mistakes the copy's packets for others.
func (t *trial) doubtRefusal(steps Check) {
	i := len(t.Checks) - 1
	if steps.Answer == Bad && steps.By != nil && t.refusedBy != nil && *steps.By == *t.refusedBy && t.Checks[i].Answer == Good {
		t.Checks[i] = t.answer(Stranger, NotJudged)
		t.Checks[i].Why = "the rule that stops steps stops strangers, too, and the policy is not asked"
	}
}

// judgeGrant compares how long the grant lasts with what the policy says.
func (t *trial) judgeGrant(lasts time.Duration, events []nftrace.Event) {
	const tick = 20 * time.Millisecond // two of the longest that a kernel counts in
	wanted := t.knock.Grant
	good := wanted-tick <= lasts && lasts <= wanted
	if wanted < lang.Forever {
		good = good || lasts <= wanted+tick && lasts >= wanted
	}
	c := t.check(Grant, good, events, "the grant lasts "+durationText(lasts)+", and not "+durationText(wanted))
	c.By = nil
	t.add(c)
}

func durationText(d time.Duration) string {
	if d == lang.Forever {
		return "forever"
	}
	return lang.FormatDuration(d)
}
