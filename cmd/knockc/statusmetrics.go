//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

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
func gauge(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (v *viewing) printNotLoaded(w io.Writer) {
	m := metrics{w}
	none := sample{0, []string{"table", cmp.Or(v.table, lang.DefaultTable)}}
	m.loaded(none)
	if v.policy != "" {
		m.current(none)
	}
}

func (v *viewing) printMetrics(w io.Writer, all []*seen) {
	m := metrics{w}
	m.loaded(tables(all, func(*seen) *uint64 { return number(1) })...)
	if v.policy != "" {
		m.current(tables(all, func(s *seen) *uint64 { return number(gauge(!v.drifts(s))) })...)
	}
	m.printPolicies(all)
	m.printKnocks(all)
	m.printSets(all)
}

func (m metrics) printPolicies(all []*seen) {
	var info []sample
	for _, s := range all {
		info = append(info, sample{1, append(at(s), "policy", s.Policy)})
	}
	m.write("knockc_policy_info", "gauge", "The loaded policy.", info...)
	m.write("knockc_policy_loaded_timestamp_seconds", "gauge", "When apply has loaded the policy, in Unix time.", tables(all, func(s *seen) *uint64 {
		if s.Loaded.IsZero() {
			return nil
		}
		return number(s.Loaded.Unix())
	})...)
	m.write("knockc_trial_running", "gauge", "Whether the policy is on trial.", tables(all, func(s *seen) *uint64 { return number(gauge(s.trial != nil)) })...)
	m.write("knockc_trial_left_seconds", "gauge", "How much time the policy on trial still has.", tables(all, func(s *seen) *uint64 {
		if s.trial == nil {
			return number(0)
		}
		return number(max(0, s.trial.Round(time.Second)/time.Second))
	})...)
}

func (m metrics) printKnocks(all []*seen) {
	for _, metric := range []struct {
		name, kind, help string
		value            func(live.KnockStatus) *uint64
	}{
		{"knockc_steps_total", "counter", "Packets that did a step of a knock, except the step that opens the door.", func(k live.KnockStatus) *uint64 { return &k.StepsDone }},
		{"knockc_opened_total", "counter", "Packets that opened a door or kept it open.", func(k live.KnockStatus) *uint64 { return &k.Opened }},
		{"knockc_let_in_total", "counter", "Attempts at the services of a knock that it let in.", func(k live.KnockStatus) *uint64 { return k.LetIn }},
		{"knockc_refused_total", "counter", "Attempts at the services of a knock that nothing let in.", func(k live.KnockStatus) *uint64 { return k.Refused }},
		{"knockc_barred_total", "counter", "Attempts at the steps of a knock that its from and on do not admit.", func(k live.KnockStatus) *uint64 { return k.Barred }},
		{"knockc_open_doors", "gauge", "Sources for which the door is open.", func(k live.KnockStatus) *uint64 { return number(k.Open) }},
		{"knockc_sources_under_way", "gauge", "Other sources that have done a step.", func(k live.KnockStatus) *uint64 { return number(k.Underway) }},
		{"knockc_codes_until_timestamp_seconds", "gauge", "Until when one-time codes are loaded, in Unix time; 0 if there are none.", codesUntil},
	} {
		var samples []sample
		for _, s := range all {
			for _, k := range s.Knocks {
				if n := metric.value(k); n != nil {
					samples = append(samples, sample{*n, append(at(s), "knock", k.Name)})
				}
			}
		}
		m.write(metric.name, metric.kind, metric.help, samples...)
	}
}

// codesUntil is until when the codes of a knock last; nil if it needs none.
func codesUntil(k live.KnockStatus) *uint64 {
	switch {
	case k.Codes == nil:
		return nil
	case k.Codes.Stale || !k.Codes.Ends.After(k.Codes.Begins):
		return number(0)
	}
	return number(k.Codes.Ends.Unix())
}

func (m metrics) printSets(all []*seen) {
	var elements, sizes []sample
	for _, s := range all {
		for _, set := range s.Sets {
			elements = append(elements, sample{uint64(set.Elements), append(at(s), "set", set.Name)})
			sizes = append(sizes, sample{uint64(set.Size), append(at(s), "set", set.Name)})
		}
	}
	m.write("knockc_set_elements", "gauge", "Live elements of a set.", elements...)
	m.write("knockc_set_size", "gauge", "Elements that a set can hold.", sizes...)
}

// tables are samples of a value that tables have, except where it is nil.
func tables(all []*seen, value func(*seen) *uint64) (samples []sample) {
	for _, s := range all {
		if n := value(s); n != nil {
			samples = append(samples, sample{*n, at(s)})
		}
	}
	return samples
}

func number[N int | int64 | time.Duration](n N) *uint64 {
	value := uint64(n)
	return &value
}
