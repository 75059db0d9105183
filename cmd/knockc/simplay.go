package main

import (
	"io"
	"maps"
	"net/netip"
	"slices"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/capture"
	"knockc/sim/replay"
)

// replayCapture replays a capture against the policy found for it.
func (r *simulation) replayCapture(in *input, tests *suite) error {
	name := in.name
	policy, err := r.policies.of(name, &trace.Trace{})
	if err != nil {
		return err
	}
	at := forwardedTo(policy.result.Policy)
	o := *r.captured
	o.At = at
	c, err := capture.OpenFile(in, o)
	if err != nil {
		return r.captureError(name, err)
	}
	player, err := replay.New(policy.result)
	if err != nil {
		return err
	}
	r.watch(player, policy)
	p := r.printer(name)
	var w widths
	w.fit(wideEvent)
	if len(at) > 0 {
		w.fit(wideForwarded)
	}
	p.begin(w)
	if table, ok := p.(*tablePrinter); ok && r.asksForCounts() {
		bar := r.progressBar(0)
		table.counts, err = player.Count(c, bar.steps)
		bar.stop()
	} else {
		err = r.playCapture(player, c, p)
	}
	p.end()
	if r.state == nil {
		r.printStats(name, c.Stats(), tests)
	}
	r.warnOfHosts(name, c)
	r.played(name, policy, player)
	if err != nil {
		return r.captureError(name, err)
	}
	return nil
}

// forwardedTo are the addresses of other hosts that a policy speaks of.
func forwardedTo(policy *lang.Policy) []netip.Prefix {
	at := map[netip.Prefix]bool{}
	for _, k := range policy.Knocks {
		for _, prefix := range k.At {
			at[prefix.Prefix] = true
		}
	}
	return slices.Collect(maps.Keys(at))
}

// playCapture plays the packets of a capture.
func (r *simulation) playCapture(player *replay.Player, c *capture.Source, p printer) error {
	end, bar := r.until(), r.progressBar(0)
	defer bar.stop()
	var packet sim.Packet
	for {
		kind, err := c.Next(&packet)
		switch {
		case err == io.EOF || err == nil && packet.Time > end:
			return nil
		case err != nil:
			return err
		case !player.Answer(kind, &packet):
			bar.step()
			p.outcome(r.captureOutcome(player, &packet, c.Record()))
		}
	}
}

// captureOutcome is what came of a captured packet, as far as it will be shown.
func (r *simulation) captureOutcome(player *replay.Player, packet *sim.Packet, number int) replay.Outcome {
	verdict, changes := player.Packet(packet)
	o := replay.Outcome{Event: somePacket, At: packet.Time, DstPort: packet.DstPort, Got: verdict.String()}
	if !r.quiet && !r.tap && r.state == nil {
		o.Event, o.Moves = capturedEvent(packet, number), player.Moves(changes)
	}
	return o
}
