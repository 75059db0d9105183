package main

import (
	"fmt"
	"net/netip"

	"knockc/compiler"
	"knockc/lang"
	"knockc/sim"
	"knockc/sim/replay"
)

// printState prints where sources stand.
func (r *simulation) printState(name string, standings []replay.Standing) {
	if r.json {
		for _, s := range standings {
			r.jsonState(name, s)
		}
		return
	}
	fmt.Fprintf(r.out, "%s at %ss: ", lang.Printable(name), lang.FormatSeconds(*r.state))
	sources, width := 0, 0
	for i, s := range standings {
		if i == 0 || s.Source != standings[i-1].Source {
			sources++
		}
		width = max(width, len(sourceText(s.Source)))
	}
	fmt.Fprintln(r.out, plural(sources, "source"))
	for _, s := range standings {
		fmt.Fprintf(r.out, "    %-*s  %s %s\n", width, sourceText(s.Source), s.Knock, standing(s))
	}
}

// sourceText is an address, or a prefix if that counts as one source.
func sourceText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// standing is where a source stands, in the words of the table.
func standing(s replay.Standing) string {
	if s.Depends {
		s.Depends = false
		return standing(s) + ", " + replay.Depends
	}
	if s.Role == compiler.Grant {
		return moved(replay.Move{Kind: replay.Opened, OpenUntil: s.Until})
	}
	kind := replay.Stepped
	if s.Role == compiler.Closing {
		kind = replay.SteppedClose
	}
	return fmt.Sprintf("%s until %ss", moved(replay.Move{Kind: kind, Step: s.Step, Of: s.Of}), lang.FormatSeconds(s.Until))
}

// jsonStanding is where a source stands, as a JSON object.
type jsonStanding struct {
	File     string       `json:"file,omitempty"`
	State    jsonSeconds  `json:"state"` // when
	Src      string       `json:"src"`
	Knock    string       `json:"knock"`
	Sequence string       `json:"sequence,omitempty"` // "close", or that of the steps
	Step     int          `json:"step,omitempty"`
	Of       int          `json:"of,omitempty"`
	Open     bool         `json:"open,omitempty"`
	Until    *jsonSeconds `json:"until"`             // null: for ever
	Depends  bool         `json:"depends,omitempty"` // on the tick
}

func (r *simulation) jsonState(name string, s replay.Standing) {
	j := jsonStanding{
		State: jsonSeconds(*r.state), Src: sourceText(s.Source), Knock: s.Knock,
		Step: s.Step, Of: s.Of, Open: s.Role == compiler.Grant, Until: (*jsonSeconds)(&s.Until), Depends: s.Depends,
	}
	if r.several {
		j.File = name
	}
	if s.Role == compiler.Closing {
		j.Sequence = "close"
	}
	if s.Until == sim.Never {
		j.Until = nil
	}
	writeJSON(r.out, j)
}
