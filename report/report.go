// Package report prints results, for people or for programs: the reporters [Table],
// [JSON], [TAP] and [JUnit] print results of traces, and the [FindingsWriter] functions
// print findings. Give a reporter to [session.Run].
package report

import (
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// All passes everything to several reporters.
type All []session.Reporter

func (a All) Begin(t *session.Trace) {
	for _, r := range a {
		r.Begin(t)
	}
}

func (a All) Outcome(o replay.Outcome) {
	for _, r := range a {
		r.Outcome(o)
	}
}

func (a All) End(result *session.Result) {
	for _, r := range a {
		r.End(result)
	}
}

func (a All) Close(s *session.Summary) {
	for _, r := range a {
		r.Close(s)
	}
}
