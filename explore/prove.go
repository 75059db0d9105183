package explore

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Proof is what came of holding the rules of a knock against its meaning, for one source.
type Proof struct {
	Knock  string
	Sender Sender
	Kinds  int // of packets
	Found
}

// Prove holds the compiled rules of a policy against its meaning: for each knock, for IPv4 and
// IPv6, and for each kind of source. Each exploration ends after so many packets. It calls
// see with each in order, and stops after the first that finds a difference.
func Prove(ctx context.Context, r *compiler.Result, limit int, see func(Proof)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	jobs := jobsOf(r.Policy)
	running := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range jobs {
		j := &jobs[i]
		go func() {
			running <- struct{}{}
			j.err = j.run(ctx, r, limit)
			<-running
			close(j.done)
		}()
	}
	for i := range jobs {
		j := &jobs[i]
		<-j.done
		if err := cmp.Or(j.err, ctx.Err()); err != nil {
			return err
		}
		if see(j.proof); j.proof.Differs != nil {
			return nil
		}
	}
	return nil
}

// job is an exploration for a knock and a source.
type job struct {
	knock *lang.Knock
	from  Sender
	proof Proof
	err   error
	done  chan struct{}
}

func jobsOf(p *lang.Policy) (all []job) {
	for _, k := range p.Knocks {
		for _, f := range compiler.Families {
			for _, from := range Senders(p, k, f) {
				all = append(all, job{knock: k, from: from, done: make(chan struct{})})
			}
		}
	}
	return all
}

func (j *job) run(ctx context.Context, r *compiler.Result, limit int) error {
	rules, err := Rules(r)
	if err != nil {
		return err
	}
	s := &Search{
		Hosts: []Host{Meaning(r.Policy), rules}, Src: j.from.Src, Packets: PacketsFor(r.Policy, j.knock, j.from),
		Knocks: []string{j.knock.Name.Text}, Durations: Durations(j.knock), Limit: limit,
	}
	j.proof = Proof{Knock: j.knock.Name.Text, Sender: j.from, Kinds: len(s.Packets), Found: s.Run(ctx)}
	return nil
}

// Durations are the times that a knock speaks of, each once.
func Durations(k *lang.Knock) []time.Duration {
	var all []time.Duration
	for _, d := range []time.Duration{k.Within, k.Total, k.Grant, k.Period} {
		if d > 0 && d != lang.Forever {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Way is one to an open door, nil if none was found.
type Way []trace.Event

// Ways are the shortest ways to open a knock's door, for a source that it admits: with the
// sequence as it is written, and with any other packets, or more of them. A way that ends
// with the sequence as written is no other.
func Ways(r *compiler.Result, k *lang.Knock, from Sender) (shortest, other Way, err error) {
	rules, err := Rules(r)
	if err != nil {
		return nil, nil, err
	}
	packets := PacketsFor(r.Policy, k, from)
	s := &Search{Hosts: []Host{rules}, Src: from.Src, Packets: packets, Knocks: []string{k.Name.Text}, Limit: 200_000}
	s.Follow = func(done, packet int) int { return follow(k.Steps, done, &packets[packet]) }
	s.Opened = func(step *Step) bool {
		if shortest == nil {
			shortest = step.Way()
		}
		if step.Follow < len(k.Steps) {
			other = step.Way()
		}
		return other != nil
	}
	s.Run(context.Background())
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
