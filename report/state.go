package report

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// writeStandings shows where sources stand.
func writeStandings(w io.Writer, r *session.Result) {
	sources, width := 0, 0
	for i, s := range r.Standings {
		if i == 0 || s.Source != r.Standings[i-1].Source {
			sources++
		}
		width = max(width, len(SourceText(s.Source)))
	}
	fmt.Fprintf(w, "%s at %ss: %s\n", lang.Printable(r.Name), lang.FormatSeconds(*r.State), Count(sources, "source"))
	for _, s := range r.Standings {
		fmt.Fprintf(w, "    %-*s  %s %s\n", width, SourceText(s.Source), s.Knock, standing(s))
	}
}

// SourceText is an address, or a prefix if all of it is one source.
func SourceText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// standing is where a source stands, in the words of the table.
func standing(s replay.Standing) string {
	text := Stands(s.Symbol)
	if s.Until != sim.Never {
		text += fmt.Sprintf(" until %ss", lang.FormatSeconds(s.Until))
	}
	if s.Depends {
		text += ", " + replay.DependsOnTick
	}
	return text
}

// Stands is where a source is with a knock, in words.
func Stands(is compiler.Symbol) string { return string(appendStands(nil, is)) }

func appendStands(b []byte, is compiler.Symbol) []byte {
	switch is.Role {
	case compiler.Grant:
		return append(b, "open"...)
	case compiler.Closing:
		b = append(b, sequenceClose+" "...)
	}
	b = append(strconv.AppendInt(b, int64(is.Step), 10), '/')
	return strconv.AppendInt(b, int64(is.Of), 10)
}

// Standing is where a source is with a knock, in a replay or in the kernel, for programs.
type Standing struct {
	Src      string   `json:"src"`
	Knock    string   `json:"knock"`
	Open     bool     `json:"open"`
	Sequence string   `json:"sequence,omitempty"` // "close", or "" for the opening sequence
	Step     int      `json:"step,omitempty"`     // the last one done, unless the door is open
	Of       int      `json:"of,omitempty"`
	Left     *Seconds `json:"left"` // until that ends; null: never
}

// sequenceClose is the sequence of a step that shuts a door.
const sequenceClose = "close"

// NewStanding is where a source is, for the time that is left; [lang.Forever].
func NewStanding(source netip.Prefix, is compiler.Symbol, left time.Duration) Standing {
	s := Standing{Src: SourceText(source), Knock: is.Knock, Open: is.Role == compiler.Grant, Step: is.Step, Of: is.Of, Left: secondsOrNull(left)}
	if is.Role == compiler.Closing {
		s.Sequence = sequenceClose
	}
	return s
}
