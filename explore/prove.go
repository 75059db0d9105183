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

// Proof is what came of holding rules against their meaning, for one source.
type Proof struct {
	Knock  string
	Sender Sender
	Scope  Scope
	Found
}

// Scope is what of a policy an exploration tries.
type Scope int

const (
	InTime     Scope = iota // what matters to a knock, with all times
	Neighbours              // the same source and others beside it, all at once
	Wide                    // more packets and more sources, all at once
	EveryPort               // each port, before anything else has come
)

// Prove holds the compiled rules of a policy against its meaning: for each knock, for IPv4 and
// IPv6, and for each kind of source. Each exploration ends after so many packets. It calls
// see with each in order, and stops after the first that finds a difference.
func Prove(ctx context.Context, r *compiler.Result, limit int, see func(Proof)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	jobs := jobsOf(r.Policy)
	running := make(chan struct{}, runtime.GOMAXPROCS(0))
	go func() {
		for _, j := range jobs {
			running <- struct{}{}
			go func() {
				j.err = j.run(ctx, r, limit)
				<-running
				close(j.done)
			}()
		}
	}()
	for _, j := range jobs {
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
	scope Scope
	proof Proof
	err   error
	done  chan struct{}
}

// jobsOf are the explorations of a policy. One without a knock has something to show, too.
func jobsOf(p *lang.Policy) (all []*job) {
	swept := map[Sender]bool{}
	for _, k := range knocksOf(p) {
		for _, f := range compiler.Families {
			add := func(from Sender, scope Scope) {
				all = append(all, &job{knock: k, from: from, scope: scope, done: make(chan struct{})})
			}
			kinds := senders(p, k, f)
			for _, from := range kinds {
				add(from, InTime)
			}
			if len(kinds) > 0 && kinds[0].Kind == Admitted {
				add(kinds[0], Neighbours)
			}
			for _, from := range allSenders(p, k, f) {
				add(from, Wide)
			}
			for _, from := range kinds {
				if same := (Sender{Src: from.Src, On: from.On}); !swept[same] {
					swept[same] = true
					add(from, EveryPort)
				}
			}
		}
	}
	return all
}

// knocksOf are the knocks of a policy, or one without steps and services.
func knocksOf(p *lang.Policy) []*lang.Knock {
	if len(p.Knocks) == 0 {
		return []*lang.Knock{{}}
	}
	return p.Knocks
}

// mostAtOnce is how many packets are tried where no time passes, for each of many sources.
const mostAtOnce = 20_000

func (j *job) run(ctx context.Context, r *compiler.Result, limit int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rules, err := Rules(r)
	if err != nil {
		return err
	}
	s := &Search{Hosts: []Host{Meaning(r.Policy), rules}, Src: j.from.Src, Limit: limit}
	if name := j.knock.Name.Text; name != "" {
		s.Knocks = []string{name}
	}
	switch j.scope {
	case InTime:
		s.Packets, s.Near = packetsFor(r.Policy, j.knock, j.from)
		s.Durations, s.Along = timesOf(j.knock), waysAlong(j.knock, s.Packets)
	case Neighbours:
		s.Others = neighbours(j.knock, s.Src)
		s.Packets, s.Limit = fromEach(r.Policy, j.knock, j.from.On, append(s.Others, s.Src)), mostAtOnce
	case Wide:
		s.Packets, s.Limit = widePackets(r.Policy, j.knock, j.from), min(limit, mostAtOnce)
	case EveryPort:
		s.Packets, s.Depth, s.Knocks = everyPort(j.from), 1, nil
		s.Limit = len(s.Packets)
	}
	j.proof = Proof{Knock: j.knock.Name.Text, Sender: j.from, Scope: j.scope, Found: s.Run(ctx)}
	return nil
}

// waysAlong are the ways of a client that does what a knock is for, by the places of their
// packets: it knocks and goes in; and it knocks, shuts the door, and knocks again.
func waysAlong(k *lang.Knock, packets []trace.Packet) [][]int {
	if len(k.Steps) == 0 {
		return nil
	}
	opens := places(packets, k, k.Steps, 0)
	service := slices.IndexFunc(packets, func(p trace.Packet) bool {
		return p.Proto == k.Services[0].Proto && p.DstPort == k.Services[0].First
	})
	return [][]int{append(slices.Clip(opens), service), slices.Concat(opens, places(packets, k, k.Close, 0), places(packets, k, k.Steps, k.Period))}
}

// timesOf are the times that a knock speaks of, each once.
func timesOf(k *lang.Knock) []time.Duration {
	var all []time.Duration
	for _, d := range []time.Duration{k.Within, k.Total, k.Grant, k.Period} {
		if d > 0 && d != lang.Forever {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
