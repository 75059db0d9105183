//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"

	"example.org/knockc/live"
)

// metrics are written in the text format of Prometheus. There is nothing in them about
// single sources: they are too many, and nobody else's business.
type metrics struct {
	out   io.Writer
	table string
}

// sample is a value and the labels it has beside the table: names and values in turn.
type sample struct {
	value  uint64
	labels []string
}

func (m metrics) write(name, kind, help string, samples ...sample) {
	fmt.Fprintf(m.out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	for _, s := range samples {
		pairs := []string{fmt.Sprintf("table=%q", m.table)}
		for i := 0; i+1 < len(s.labels); i += 2 {
			pairs = append(pairs, fmt.Sprintf("%s=%q", s.labels[i], s.labels[i+1]))
		}
		fmt.Fprintf(m.out, "%s{%s} %d\n", name, strings.Join(pairs, ","), s.value)
	}
}

func (m metrics) loaded(loaded uint64) {
	m.write("knockc_loaded", "gauge", "Whether a policy is loaded.", sample{value: loaded})
}

// current tells whether the policy that was named is loaded, if one was.
func (v *viewing) current(m metrics, current bool) {
	if v.wanted == "" {
		return
	}
	value := uint64(0)
	if current {
		value = 1
	}
	m.write("knockc_policy_current", "gauge", "Whether the policy in the file is loaded and has not been changed by hand.", sample{value: value})
}

func (v *viewing) printNotLoaded(w io.Writer) {
	m := metrics{w, v.table}
	m.loaded(0)
	v.current(m, false)
}

func (v *viewing) printMetrics(w io.Writer, s *seen) {
	m := metrics{w, s.Table}
	m.loaded(1)
	v.current(m, !v.drifts(s))
	m.write("knockc_policy_info", "gauge", "The loaded policy.", sample{1, []string{"policy", s.Policy}})
	knocks := func(of func(live.KnockStatus) uint64) (samples []sample) {
		for _, k := range s.Knocks {
			samples = append(samples, sample{of(k), []string{"knock", k.Name}})
		}
		return samples
	}
	m.write("knockc_steps_total", "counter", "Packets that did a step of a knock, except the step that opens the door.", knocks(func(k live.KnockStatus) uint64 { return k.StepsDone })...)
	m.write("knockc_opened_total", "counter", "Packets that opened a door or kept it open.", knocks(func(k live.KnockStatus) uint64 { return k.Opened })...)
	m.write("knockc_open_doors", "gauge", "Sources for which the door is open.", knocks(func(k live.KnockStatus) uint64 { return uint64(k.Open) })...)
	m.write("knockc_sources_under_way", "gauge", "Sources that have done a step.", knocks(func(k live.KnockStatus) uint64 { return uint64(k.Underway) })...)
	sets := func(of func(live.SetStatus) int) (samples []sample) {
		for _, set := range s.Sets {
			samples = append(samples, sample{uint64(of(set)), []string{"set", set.Name}})
		}
		return samples
	}
	m.write("knockc_set_elements", "gauge", "Live elements of a set.", sets(func(s live.SetStatus) int { return s.Elements })...)
	m.write("knockc_set_size", "gauge", "Elements that a set can hold.", sets(func(s live.SetStatus) int { return s.Size })...)
}
