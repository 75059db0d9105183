package main

import (
	"fmt"
	"strings"

	"knockc/lang"
	"knockc/sim/capture"
)

// printStats tells what became of the records of a capture.
func (r *simulation) printStats(name string, stats capture.Stats, tests *suite) {
	tests.output = stats.String()
	switch {
	case r.json:
		r.jsonStats(name, stats)
	case r.tap:
		fmt.Fprintf(r.err, "%s: %s\n", lang.Printable(name), stats)
	default:
		fmt.Fprintln(r.out, stats)
	}
}

// jsonStats is a capture's statistics as a JSON object.
type jsonStats struct {
	File     string         `json:"file,omitempty"`
	Recorded int            `json:"recorded"`
	ToHost   int            `json:"to_host"`
	FromHost int            `json:"from_host"`
	ToAt     int            `json:"to_at,omitempty"` // to addresses that the policy has by `at`
	FromAt   int            `json:"from_at,omitempty"`
	LeftOut  map[string]int `json:"left_out"` // by reason

	BrokenHeaders int `json:"broken_headers,omitempty"` // of TCP
	Incomplete    int `json:"incomplete,omitempty"`     // datagrams
	OutOfOrder    int `json:"out_of_order,omitempty"`
}

func (r *simulation) jsonStats(name string, stats capture.Stats) {
	j := jsonStats{
		Recorded: stats.Records, ToHost: stats.ToHost, FromHost: stats.FromHost, ToAt: stats.ToAt, FromAt: stats.FromAt, LeftOut: map[string]int{},
		BrokenHeaders: stats.Short, Incomplete: stats.Incomplete, OutOfOrder: stats.Backwards,
	}
	if r.several {
		j.File = name
	}
	for reason, n := range stats.LeftOut {
		if n > 0 {
			j.LeftOut[capture.Reason(reason).String()] = n
		}
	}
	writeJSON(r.out, j)
}

// warnOfHosts warns if a capture has nothing to do with the host that was named.
func (r *simulation) warnOfHosts(name string, c *capture.Source) {
	most, missed := c.Missed()
	if !missed {
		return
	}
	var hosts, others []string
	for _, host := range r.captured.Hosts {
		hosts = append(hosts, host.String())
	}
	for _, d := range most {
		others = append(others, fmt.Sprintf("%s (%d)", d.Addr, d.Packets))
	}
	r.tell(fmt.Errorf("%s: warning: no packet is to or from %s; most go to %s",
		name, strings.Join(hosts, " or "), strings.Join(others, ", ")))
}
