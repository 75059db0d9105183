//go:build linux

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

// event is something that can happen next, and what it takes of the limits.
type event struct {
	happens func()
	by      *process // that goes on, nil if none does
	limits
}

// events are what can happen next. If the process that went on last can still do so, it
// takes a switch that another one does, or that time passes.
func (w *world) events(last *process) (all []event) {
	for _, p := range w.processes {
		var takes limits
		if p != last && last.ready() {
			takes.switches = 1
		}
		if p.ready() {
			all = append(all, event{p.step, p, takes})
		}
		takes.faults = 1
		if p.ready() && p.calls != "lock" && p.calls != "sleep" && p.calls != "answer" {
			all = append(all, event{p.breakDown, p, takes})
		}
		if !p.over {
			all = append(all, event{p.dies, nil, takes})
		}
	}
	if len(all) > 0 && w.loaded != (loaded{}) {
		all = append(all, event{w.flush, nil, limits{faults: 1}})
	}
	if len(w.sleepers()) > 0 {
		var takes limits
		if slices.ContainsFunc(w.processes, (*process).ready) {
			takes.switches = 1
		}
		all = append(all, event{w.timePasses, nil, takes})
	}
	return all
}

// breakDown makes the call fail that the process is about to make.
func (p *process) breakDown() {
	p.breaks, p.broken = true, p.calls
	p.step()
}

// dies ends the process before the call that it is about to make.
func (p *process) dies() {
	p.trace = append(p.trace, p.name+" is killed before: "+p.calls)
	held := p.holder == p
	p.kill()
	if held && p.note == nil {
		p.right = p.loaded // it has not come to report that
	}
}

// timePasses lets time pass until a process wakes up that waits for it.
func (w *world) timePasses() {
	w.trace = append(w.trace, "time passes")
	w.now = w.sleepers()[0].until
}

// play lets things happen until there is no process left.
func (w *world) play(choose func(int) int, left limits) {
	last := w.processes[0]
	for {
		possible := slices.DeleteFunc(w.events(last), func(e event) bool {
			return e.switches > left.switches || e.faults > left.faults
		})
		if len(possible) == 0 {
			return
		}
		e := possible[choose(len(possible))]
		e.happens()
		left.switches -= e.switches
		left.faults -= e.faults
		if e.by != nil {
			last = e.by
		}
	}
}

// TestEveryOrder tries a policy while other commands run, in every order in which the
// calls of the processes can come, as far as the limits allow. In the end either the new
// policy is there, with nothing of an older one, or exactly what was there before, as the
// processes have reported.
func TestEveryOrder(t *testing.T) {
	others := map[string]command{
		"alone": nil, "and apply": applies("third"), "and apply on trial": tries("third", "yes"), "and remove": removes,
		"and rollback": rollsBack, "and keep": keeps, "and apply on trial after rollback": rollsBackAndTries,
	}
	for _, before := range []loaded{{policy: "old", leftovers: true}, {}, {policy: "old", asleep: true}} {
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
