package report

import (
	"fmt"
	"io"
	"net/netip"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
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
	if s.Depends {
		s.Depends = false
		return standing(s) + ", " + replay.DependsOnTick
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
