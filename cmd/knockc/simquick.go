package main

import (
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// asksForCounts reports whether no more is asked for than what became of the packets,
// as long as the trace expects nothing.
func (o *simOptions) asksForCounts() bool {
	return o.quiet && !o.cover && o.top == 0 && o.junit == nil && o.hz == 0
}

// count replays a trace that is read once only. It is false, and has printed nothing, if
// the trace expects something or anything is wrong: that is told by [simulation.survey].
func (r *simulation) count(in *input) (counted bool, err error) {
	policy, err := r.policies.of(in.name, &trace.Trace{Policy: in.policy()})
	if err != nil {
		return false, nil
	}
	player, err := replay.New(policy.result)
	if err != nil {
		return false, err
	}
	reader, err := in.reader()
	if err != nil {
		return false, err
	}
	bar := r.progressBar(0)
	counts, err := player.Count(replay.FromTrace(reader), bar.steps)
	bar.stop()
	if err != nil || lang.HasErrors(reader.Findings()) || reader.Err() != nil {
		return false, nil
	}
	p := r.printer(in.name).(*tablePrinter)
	p.counts = counts
	p.end()
	return true, nil
}
