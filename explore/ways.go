package explore

import (
	"context"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Way is one to an open door, nil if none was found.
type Way []trace.Event

// Opening is what came of a search for the ways to open a door.
type Opening struct {
	Shortest Way
	Other    Way  // the shortest that is not the sequence as it is written
	Sources  int  // that may knock and were tried, if nothing was found
	Whole    bool // all states were reached, if nothing was found
	Never    bool // nothing opens it: all packets that matter were tried, in all orders and at all times
}

// Open searches the shortest ways to open a knock's door, for the first source that can: with
// the sequence as it is written, and with any other packets, or more of them. A way that ends
// with the sequence as written is no other. It tries so many packets for each source, first
// without time between them. If that ends too early, the sequence as written is taken for the
// shortest. If none of all packets opens the door, it tries all times.
func Open(ctx context.Context, r *compiler.Result, k *lang.Knock, limit int) (Opening, error) {
	found, err := open(ctx, r, k, limit, atOnce)
	if err != nil || found.Shortest != nil || !found.Whole {
		return found, err
	}
	found, err = open(ctx, r, k, limit, inTime)
	found.Never = found.Shortest == nil && found.Whole && evenly(k) != nil
	return found, err
}

// Ways is [Open] without time between packets.
func Ways(ctx context.Context, r *compiler.Result, k *lang.Knock, limit int) (shortest, other Way, err error) {
	found, err := open(ctx, r, k, limit, atOnce)
	return found.Shortest, found.Other, err
}

func open(ctx context.Context, r *compiler.Result, k *lang.Knock, limit int, search func(*compiler.Result, *lang.Knock, Sender) *Search) (Opening, error) {
	all := Opening{Whole: true}
	for _, f := range compiler.Families {
		for _, from := range senders(r.Policy, k, f) {
			if from.Kind != Admitted {
				continue
			}
			s := search(r, k, from)
			s.Limit = limit
			found, err := s.open(ctx, r, k)
			if err != nil || found.Shortest != nil {
				return found, err
			}
			all.Sources++
			all.Whole = all.Whole && found.Whole
		}
	}
	all.Whole = all.Whole && all.Sources > 0
	return all, ctx.Err()
}

// atOnce searches another way, too.
func atOnce(r *compiler.Result, k *lang.Knock, from Sender) *Search {
	s := &Search{Src: from.Src, Packets: packetsToOpen(r.Policy, k, from)}
	s.Follow = func(done, packet int) int { return follow(k.Steps, done, &s.Packets[packet]) }
	return s
}

func inTime(r *compiler.Result, k *lang.Knock, from Sender) *Search {
	times := evenly(k)
	if times == nil {
		times = timesOf(k)
	}
	return &Search{Src: from.Src, Packets: packetsToOpen(r.Policy, k, from), Durations: times}
}

// evenly are the times of a knock's sequences, and all others at the same distance from each
// other: with these, states that are taken as one have the same future. It is nil if there
// are too many.
func evenly(k *lang.Knock) (all []time.Duration) {
	const most = 10_000
	period := k.Period
	if k.CodeStep() < 0 {
		period = 0
	}
	longest := max(k.Within, k.Total, period)
	unit := divisor(k.Within, divisor(k.Total, period))
	if unit == 0 || longest > most*unit {
		return nil
	}
	for t := unit; t <= longest; t += unit {
		all = append(all, t)
	}
	return all
}

// divisor is the largest time of which two are multiples.
func divisor(a, b time.Duration) time.Duration {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// packetsToOpen are the packets that may matter to whether a door opens.
func packetsToOpen(p *lang.Policy, k *lang.Knock, from Sender) []trace.Packet {
	d := &drawn{policy: p, from: from, have: map[string]bool{}}
	d.sequences(k)
	d.services(k)
	d.others(k)
	return d.all
}

// open searches the rules for ways to open the door of a knock, and for another one if packets
// are followed.
func (s *Search) open(ctx context.Context, r *compiler.Result, k *lang.Knock) (o Opening, err error) {
	rules, err := Rules(r)
	if err != nil {
		return o, err
	}
	s.Hosts, s.Knocks = []Host{rules}, []string{k.Name.Text}
	s.Opened = func(step *Step) bool {
		if o.Shortest == nil {
			o.Shortest = step.Way()
		}
		if s.Follow != nil && step.Follow < len(k.Steps) {
			o.Other = step.Way()
		}
		return s.Follow == nil || o.Other != nil
	}
	if o.Whole = s.Run(ctx).Whole; o.Shortest == nil && !o.Whole {
		o.Shortest, err = s.asWritten(r, k)
	}
	return o, err
}

// asWritten is the sequence of a knock, at once; nil if it does not open the door.
func (s *Search) asWritten(r *compiler.Result, k *lang.Knock) (way Way, err error) {
	rules, err := Rules(r)
	if err != nil {
		return nil, err
	}
	for _, i := range places(s.Packets, k, k.Steps, 0) {
		p := s.Packets[i]
		way = append(way, trace.Event{Packet: &p})
		rules.Packet(0, &p)
	}
	if !rules.Open(0, k.Name.Text, s.Src) {
		return nil, nil
	}
	return way, nil
}

// places are those of packets that do steps of a knock, with the code of a period counted from
// the present one.
func places(packets []trace.Packet, k *lang.Knock, steps []lang.Step, codeAt time.Duration) (all []int) {
	for _, s := range steps {
		all = append(all, slices.IndexFunc(packets, func(p trace.Packet) bool {
			return p.To == nil && does(&p, s) && (!s.Code || p.Code.Knock == k.Name.Text && p.Code.Offset == codeAt)
		}))
	}
	return all
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
