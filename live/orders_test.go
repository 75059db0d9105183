package live

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everyWay calls f for each sequence of choices that it can make.
func everyWay(f func(choose func(from int) int)) (ways int) {
	var chosen, from []int
	for {
		n := 0
		f(func(of int) int {
			if n == len(chosen) {
				chosen, from = append(chosen, 0), append(from, of)
			}
			n++
			return chosen[n-1]
		})
		ways++
		last := len(chosen) - 1
		for last >= 0 && chosen[last]+1 == from[last] {
			last--
		}
		if last < 0 {
			return ways
		}
		chosen, from = chosen[:last+1], from[:last+1]
		chosen[last]++
	}
}

// limits bound what an order of events may have.
type limits struct {
	switches int // how often a process that could go on has to wait, for another one or for time to pass
	faults   int // kills, calls that fail, and flushes
}

// event is something that can happen next.
type event struct {
	happens  func()
	switches int
	faults   int
}

// events are what can happen next, if the process that ran last is to go on if it can.
func (w *world) events(last *process) (all []event) {
	add := func(switches, faults int, f func()) { all = append(all, event{f, switches, faults}) }
	for _, p := range w.processes {
		if p.over {
			continue
		}
		switches := 0
		if p != last && last.ready() {
			switches = 1
		}
		if p.ready() {
			add(switches, 0, p.step)
			if p.calls != "lock" && p.calls != "sleep" && p.calls != "answer" {
				add(switches, 1, func() {
					p.breaks, w.broken = true, p.calls
					p.step()
				})
			}
		}
		add(switches, 1, func() {
			w.trace = append(w.trace, p.name+" is killed before: "+p.calls)
			held := w.holder == p
			if p.kill(); held && w.note == nil {
				w.right = w.loaded // it has not come to report that
			}
		})
	}
	if sleepers := w.sleepers(); len(sleepers) > 0 {
		switches := 0
		if slices.ContainsFunc(w.processes, (*process).ready) {
			switches = 1
		}
		add(switches, 0, func() {
			w.trace = append(w.trace, "time passes")
			w.now = sleepers[0].until
		})
	}
	if len(all) > 0 && w.loaded != (loaded{}) {
		add(0, 1, w.flush)
	}
	return all
}

// play lets things happen until there is no process left.
func (w *world) play(choose func(int) int, l limits) {
	last := w.processes[0]
	for {
		var possible []event
		for _, e := range w.events(last) {
			if e.switches <= l.switches && e.faults <= l.faults {
				possible = append(possible, e)
			}
		}
		if len(possible) == 0 {
			return
		}
		before := len(w.trace)
		e := possible[choose(len(possible))]
		e.happens()
		l.switches -= e.switches
		l.faults -= e.faults
		for _, p := range w.processes {
			if len(w.trace) > before && strings.HasPrefix(w.trace[before], p.name+": ") {
				last = p
			}
		}
	}
}

// TestEveryOrder tries a policy while other commands run, in every order in which the
// calls of the processes can come, as far as the limits allow. In the end either the new
// policy is there or what was there before, as the processes have reported.
func TestEveryOrder(t *testing.T) {
	others := map[string]command{
		"alone": nil, "and apply": applies("third"), "and apply on trial": tries("third", "yes"), "and remove": removes,
		"and rollback": rollsBack, "and apply on trial after rollback": rollsBackAndTries,
	}
	for _, before := range []loaded{{"old", false}, {}, {"old", true}} {
		for _, answer := range []string{"yes", "no", "nothing"} {
			for name, other := range others {
				if before.policy == "" && strings.Contains(name, "on trial") || before.asleep && name != "alone" {
					continue // what they show the others show
				}
				t.Run(fmt.Sprintf("%s, %s %s", before, answer, name), func(t *testing.T) {
					t.Parallel()
					for _, l := range []limits{{switches: 2}, {switches: 1, faults: 1}} {
						ways := everyWay(func(choose func(int) int) {
							w := newWorld(before)
							w.begin("apply", tries("new", answer))
							if other != nil {
								w.begin("other", other)
							}
							w.play(choose, l)
							w.end(t)
						})
						t.Logf("%d orders with %+v", ways, l)
					}
				})
			}
		}
	}
}
