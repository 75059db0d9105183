package explore

import (
	"context"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Way is one to an open door, nil if none was found.
type Way []trace.Event

// Ways are the shortest ways to open a knock's door, for the first source that can: with the
// sequence as it is written, and with any other packets, or more of them. A way that ends
// with the sequence as written is no other. It tries so many packets for each source.
func Ways(ctx context.Context, r *compiler.Result, k *lang.Knock, limit int) (shortest, other Way, err error) {
	for _, f := range compiler.Families {
		for _, from := range senders(r.Policy, k, f) {
			if from.Kind != Admitted {
				continue
			}
			if shortest, other, err = waysOf(ctx, r, k, from, limit); shortest != nil || err != nil {
				return shortest, other, err
			}
		}
	}
	return nil, nil, ctx.Err()
}

func waysOf(ctx context.Context, r *compiler.Result, k *lang.Knock, from Sender, limit int) (shortest, other Way, err error) {
	rules, err := Rules(r)
	if err != nil {
		return nil, nil, err
	}
	d := &drawn{policy: r.Policy, from: from, have: map[string]bool{}}
	d.sequences(k)
	d.services(k)
	d.others(k)
	s := &Search{Hosts: []Host{rules}, Src: from.Src, Packets: d.all, Knocks: []string{k.Name.Text}, Limit: limit}
	s.Follow = func(done, packet int) int { return follow(k.Steps, done, &d.all[packet]) }
	s.Opened = func(step *Step) bool {
		if shortest == nil {
			shortest = step.Way()
		}
		if step.Follow < len(k.Steps) {
			other = step.Way()
		}
		return other != nil
	}
	s.Run(ctx)
	return shortest, other, nil
}

// follow is how many of the latest packets are the beginning of a sequence, after another
// packet.
func follow(steps []lang.Step, done int, p *trace.Packet) int {
	for n := min(done+1, len(steps)); n > 0; n-- {
		if does(p, steps[n-1]) && slices.EqualFunc(steps[:n-1], steps[done-n+1:done], same) {
			return n
		}
	}
	return 0
}

func same(a, b lang.Step) bool { return a.Proto == b.Proto && a.Port == b.Port && a.Length == b.Length }

// does reports whether a packet is the one that does a step.
func does(p *trace.Packet, s lang.Step) bool {
	switch {
	case p.Proto != s.Proto, p.Proto == lang.TCP && p.Flags != lang.SYN, s.Code && p.Code == nil:
		return false
	case s.Proto == lang.Ping:
		return s.Length == lang.AnyLength || s.Length == int(p.Ping.Length)
	}
	return p.DstPort == s.Port
}
