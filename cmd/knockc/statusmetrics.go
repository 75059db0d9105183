//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// metrics are written in the text format of Prometheus. There is nothing in them about
// single sources: they are too many, and nobody else's business.
type metrics struct{ out io.Writer }

// sample is a value and its labels: names and values in turn.
type sample struct {
	value  uint64
	labels []string
}

func (m metrics) write(name, kind, help string, samples ...sample) {
	if len(samples) == 0 {
		return
	}
	fmt.Fprintf(m.out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	for _, s := range samples {
		var pairs []string
		for i := 0; i+1 < len(s.labels); i += 2 {
			pairs = append(pairs, fmt.Sprintf("%s=%q", s.labels[i], s.labels[i+1]))
		}
		fmt.Fprintf(m.out, "%s{%s} %d\n", name, strings.Join(pairs, ","), s.value)
	}
}

func (m metrics) loaded(samples ...sample) {
	m.write("knockc_loaded", "gauge", "Whether a policy is loaded.", samples...)
}

func (m metrics) current(samples ...sample) {
	m.write("knockc_policy_current", "gauge", "Whether the policy in the file is loaded and has not been changed by hand.", samples...)
}

// at are the labels that say where a policy is.
func at(s *seen) []string {
	if s.Fragment != "" {
		return []string{"table", s.Table, "fragment", s.Fragment}
	}
	return []string{"table", s.Table}
}

// gauge is 1 for yes.
func gauge(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}

func (v *viewing) printNotLoaded(w io.Writer) {
	m := metrics{w}
	none := sample{0, []string{"table", cmp.Or(v.table, lang.DefaultTable)}}
	m.loaded(none)
	if v.wanted != "" {
		m.current(none)
	}
}

func (v *viewing) printMetrics(w io.Writer, all []*seen) {
	m := metrics{w}
	tables := func(value func(*seen) uint64) (samples []sample) {
		for _, s := range all {
			samples = append(samples, sample{value(s), at(s)})
		}
		return samples
	}
	knocks := func(value func(live.KnockStatus) *uint64) (samples []sample) {
		for _, s := range all {
			for _, k := range s.Knocks {
				if n := value(k); n != nil {
					samples = append(samples, sample{*n, append(at(s), "knock", k.Name)})
				}
			}
		}
		return samples
	}
	number := func(n int) *uint64 { value := uint64(n); return &value }
	sets := func(value func(live.SetStatus) int) (samples []sample) {
		for _, s := range all {
			for _, set := range s.Sets {
				samples = append(samples, sample{uint64(value(set)), append(at(s), "set", set.Name)})
			}
		}
		return samples
	}
	m.loaded(tables(func(*seen) uint64 { return 1 })...)
	if v.wanted != "" {
		m.current(tables(func(s *seen) uint64 { return gauge(!v.drifts(s)) })...)
	}
	var info []sample
	for _, s := range all {
		info = append(info, sample{1, append(at(s), "policy", s.Policy)})
	}
	m.write("knockc_policy_info", "gauge", "The loaded policy.", info...)
	m.write("knockc_steps_total", "counter", "Packets that did a step of a knock, except the step that opens the door.", knocks(func(k live.KnockStatus) *uint64 { return &k.StepsDone })...)
	m.write("knockc_opened_total", "counter", "Packets that opened a door or kept it open.", knocks(func(k live.KnockStatus) *uint64 { return &k.Opened })...)
	m.write("knockc_open_doors", "gauge", "Sources for which the door is open.", knocks(func(k live.KnockStatus) *uint64 { return number(k.Open) })...)
	m.write("knockc_sources_under_way", "gauge", "Other sources that have done a step.", knocks(func(k live.KnockStatus) *uint64 { return number(k.Underway) })...)
	m.write("knockc_set_elements", "gauge", "Live elements of a set.", sets(func(s live.SetStatus) int { return s.Elements })...)
	m.write("knockc_set_size", "gauge", "Elements that a set can hold.", sets(func(s live.SetStatus) int { return s.Size })...)
}
