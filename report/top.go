package report

import (
	"fmt"
	"io"

	"example.org/knockc/sim/replay"
)

// tallies are the lists of sources, by name.
func tallies(t *replay.Top) []tally {
	return []tally{{"packets", &t.Packets}, {"openings", &t.Openings}, {"refusals", &t.Refusals}}
}

type tally struct {
	name string
	*replay.Tally
}

// writeTop shows the n sources that come up most, if they were counted.
func writeTop(w io.Writer, prefix string, t *replay.Top, n int) {
	if t == nil {
		return
	}
	for _, list := range tallies(t) {
		if prefix == "" {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%ssources by %s", prefix, list.name)
		if list.Short > 0 {
			fmt.Fprintf(w, ", each at most %d too low", list.Short)
		}
		fmt.Fprintln(w)
		first := list.First(n)
		for _, c := range first {
			fmt.Fprintf(w, "%s%10d  %s\n", prefix, c.N, c.Source)
		}
		if len(first) == 0 {
			fmt.Fprintf(w, "%s      none\n", prefix)
		}
	}
}
