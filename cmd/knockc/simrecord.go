package main

import (
	"errors"
	"flag"
	"fmt"

	"example.org/knockc/report"
	"example.org/knockc/sim/session"
)

// recordFlags declares the flags that make a trace of a capture.
func recordFlags(flags *flag.FlagSet, o *simOptions) {
	flags.BoolVar(&o.record, "record", false, "print the packets of a capture as a trace that expects the verdicts they get")
	flags.BoolVar(&o.anonymous, "anonymize", false, "with -record, replace the addresses of sources")
}

// writeRecord prints a trace made of the only capture.
func (o *simOptions) writeRecord(s *streams, names []string) error {
	if len(names) != 1 {
		return usagef("-record takes one capture")
	}
	r, err := session.Record(names[0], o.Options, o.anonymous)
	if errors.Is(err, session.ErrNotCapture) {
		return &usageError{fmt.Sprintf("sim: -record makes a trace of a capture, and %s is none", names[0]), "tcpdump -w night.pcap; knockc sim -record night.pcap > night.trace"}
	}
	if err != nil {
		return withFlags(err)
	}
	s.out.Write(r.Trace)
	for _, warning := range r.Warnings {
		s.warn(warning)
	}
	fmt.Fprintf(s.err, "%s in the trace. Of the capture: %s\n", report.Count(r.Packets, "packet"), r.Stats)
	if r.LeftOut > 0 {
		fmt.Fprintf(s.err, "%s left out: to broadcast addresses, or of flows that the host had begun\n", report.Count(r.LeftOut, "packet"))
	}
	if r.Kept > 0 {
		fmt.Fprintf(s.err, "%s with the same address as in the capture: the policy names it, or nothing is left in its prefix\n", report.Count(r.Kept, "source"))
	}
	if r.Differ > 0 {
		fmt.Fprintf(s.err, "%s with another verdict than in the capture, marked by comments: a trace says less than a capture\n", report.Count(r.Differ, "packet"))
	}
	return nil
}
