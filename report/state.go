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
)

// writeState shows where sources stand.
func writeState(w io.Writer, file string, state replay.Snapshot) {
	sources, width := 0, 0
	for i, s := range state.Standings {
		if i == 0 || s.Source != state.Standings[i-1].Source {
			sources++
		}
		width = max(width, len(SourceText(s.Source)))
	}
	fmt.Fprintf(w, "%s at %ss: %s\n", lang.Printable(file), lang.FormatSeconds(state.At), Count(sources, "source"))
	for _, s := range state.Standings {
		fmt.Fprintf(w, "    %-*s  %s %s\n", width, SourceText(s.Source), s.Knock, standing(s))
	}
}

// SourceText is an address, or a prefix if all of it is one source.
func SourceText(p netip.Prefix) string { return string(appendSource(nil, p)) }

func appendSource(b []byte, p netip.Prefix) []byte {
	if p.IsSingleIP() {
		return p.Addr().AppendTo(b)
	}
	return p.AppendTo(b)
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
