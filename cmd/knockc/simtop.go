package main

import (
	"fmt"

	"knockc/sim/replay"
)

// printTop prints the sources that come up most.
func (r *simulation) printTop(prefix string) {
	for _, list := range []struct {
		name  string
		tally *replay.Tally
	}{
		{"packets", &r.counts.Packets}, {"openings", &r.counts.Openings}, {"refusals", &r.counts.Refusals},
	} {
		first := list.tally.First(r.top)
		if r.json {
			for _, c := range first {
				writeJSON(r.out, jsonTop{list.name, c.Source.String(), c.N, list.tally.Short})
			}
			continue
		}
		if prefix == "" {
			fmt.Fprintln(r.out)
		}
		fmt.Fprintf(r.out, "%ssources by %s", prefix, list.name)
		if list.tally.Short > 0 {
			fmt.Fprintf(r.out, ", each at most %d too low", list.tally.Short)
		}
		fmt.Fprintln(r.out)
		for _, c := range first {
			fmt.Fprintf(r.out, "%s%10d  %s\n", prefix, c.N, c.Source)
		}
		if len(first) == 0 {
			fmt.Fprintf(r.out, "%s      none\n", prefix)
		}
	}
}

// jsonTop is a source that comes up often, as a JSON object.
type jsonTop struct {
	Top   string `json:"top"` // by what
	Src   string `json:"src"`
	N     int    `json:"n"`
	Short int    `json:"short,omitempty"` // by how much n may be too low
}
