package replay

import (
	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// Watch notes what the packets of a player meet from now on, unless that depends on the
// tick. The player and the cover must have the same policy.
func (c *Cover) Watch(p *Player) {
	p.Watch(&coverWatcher{c, p})
}

// Ran notes the rules that a player's packets have run to the end so far.
func (c *Cover) Ran(p *Player) {
	for chain, runs := range p.machine.Runs() {
		if c.rules[chain] == nil {
			c.rules[chain] = make([]bool, len(runs))
		}
		for i, n := range runs {
			c.rules[chain][i] = c.rules[chain][i] || n > 0
		}
	}
}

// Rules is how many rules the chains have, and which of them, counted from 1, never
// ran to their end.
func (c *Cover) Rules() (all int, missed map[string][]int) {
	missed = map[string][]int{}
	for chain, ran := range c.rules {
		all += len(ran)
		for i, r := range ran {
			if !r {
				missed[chain] = append(missed[chain], i+1)
			}
		}
	}
	return all, missed
}

// coverWatcher meets a cover's items.
type coverWatcher struct {
	*Cover
	player *Player
}

func (c *Cover) meet(knock string, kind itemKind, which int, word string) {
	if i, ok := c.index[itemKey{knock, kind, which, word}]; ok {
		c.Items[i].Met = true
	}
}

// Packet notes what a packet meets.
func (w *coverWatcher) Packet(p *sim.Packet, verdict compiler.VerdictKind, changes []sim.Change) {
	at, settings, state := w.targets.of(p), &w.targets.policy.Settings, w.player.machine.Tracked()
	used := w.changes(changes, at)
	switch {
	case p.Iface == "lo":
		return
	case trusts(settings, p):
		w.trusted(settings, p)
		w.others(p, verdict, true)
		return
	}
	for _, l := range w.targets.stepsOf(p) {
		if word := keepsOut(l.knock, p); word != "" && isAttempt(p, state) {
			w.meet(l.knock.Name.Text, clauseUsed, 0, word)
		}
	}
	w.services(p, verdict, state, used)
	w.others(p, verdict, false)
}

// changes notes what elements say, and returns the knocks whose grants the packet
// has used up.
func (w *coverWatcher) changes(changes []sim.Change, at *target) (used map[string]bool) {
	for _, change := range changes {
		s, ok := w.player.symbols.Meaning(change.Set, change.State)
		isGrant := s.Role == compiler.Grant
		switch {
		case !ok || change.Unsure:
		case change.Ended:
			how := endingOf(s.Knock, at)
			w.ended(s.Knock, how, isGrant, at)
			if how == usedUp && isGrant {
				if used == nil {
					used = map[string]bool{}
				}
				used[s.Knock] = true
			}
		case isGrant:
			w.last(s.Knock, stepDone, at)
		case s.Role == compiler.Closing:
			w.meet(s.Knock, closeStepDone, s.Step-1, "")
		default:
			w.meet(s.Knock, stepDone, s.Step-1, "")
		}
	}
	return used
}

// ended notes how progress or a grant came to its end before its time.
func (w *coverWatcher) ended(knock string, how ending, isGrant bool, at *target) {
	switch {
	case how == usedUp:
		w.meet(knock, clauseUsed, 0, "once")
	case how == revoked:
		w.meet(knock, clauseUsed, 0, "reset")
	case isGrant:
		w.last(knock, closeStepDone, at)
	}
}

// last notes that the last step of a sequence was done.
func (w *coverWatcher) last(knock string, kind itemKind, at *target) {
	for _, l := range at.steps {
		if l.knock.Name.Text == knock && l.isLast() && l.closing == (kind == closeStepDone) {
			w.meet(knock, kind, l.step-1, "")
		}
	}
}

// trusted notes what made a packet trusted that reaches a service.
func (w *coverWatcher) trusted(settings *lang.Settings, p *sim.Packet) {
	if w.targets.offers(p) {
		w.meet("", prefixTrusted, comesFrom(settings.TrustPrefixes, p), "")
		w.meet("", ifaceTrusted, arrivesOn(settings.TrustIfaces, p), "")
	}
}

// services notes a packet to services of knocks.
func (w *coverWatcher) services(p *sim.Packet, verdict compiler.VerdictKind, state compiler.ConnState, used map[string]bool) {
	for _, g := range w.targets.servicesOf(p) {
		name := g.knock.Name.Text
		open, doubt := w.player.Open(name, p.Src, p.Time)
		switch {
		case w.player.machine.Doubt() != nil:
		case verdict != compiler.Accept:
			w.meet(name, refused, g.service, "")
		case w.targets.openFor(p) == nil && isAttempt(p, state) && (open && doubt == nil || used[name]):
			w.meet(name, entered, g.service, "")
		}
	}
}

// others notes a packet to an open service, or one that the default decides about.
func (w *coverWatcher) others(p *sim.Packet, verdict compiler.VerdictKind, trusted bool) {
	isStep := len(w.targets.stepsOf(p)) > 0 && p.Proto != lang.Ping && !trusted
	decides := compiler.Passed
	if w.targets.policy.Settings.DefaultDrop {
		decides = compiler.Drop
	}
	open := w.targets.openFor(p)
	switch {
	case open != nil:
		w.meet("", openReached, open.number, "")
	case isStep || p.GoesOn() || len(w.targets.servicesOf(p)) > 0:
	case verdict == decides && w.player.machine.Doubt() == nil:
		w.meet("", defaultUsed, 0, "")
	}
}
