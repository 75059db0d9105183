package lsp

import (
	"context"
	"strings"

	"example.org/knockc/report"
	"example.org/knockc/sim/session"
)

// options are how traces are replayed in the world.
func (w *world) options() session.Options {
	return session.Options{Open: w.openFile, OpenNamed: w.openFile, Expiries: true, TextOnly: true}
}

// reader reads the document from its beginning.
func (t *text) reader() *strings.Reader { return strings.NewReader(t.src) }

// replays collects what traces do, for checks.
type replays struct {
	report.Failures
	told func(*session.Result, []report.LineFailure)
}

func (r *replays) End(result *session.Result) {
	r.told(result, r.Lines)
	r.Lines = nil
}

// hinting says beside each visible packet of a trace what came of it.
func hinting(a asked, p rangeParams) ([]inlayHint, error) {
	d := a.of(p.TextDocument)
	if d == nil || !d.trace {
		return []inlayHint{}, nil
	}
	ctx, cancel := context.WithCancel(a.Context)
	defer cancel()
	beside := &report.Beside{First: p.Range.Start.Line + 1, Last: p.Range.End.Line + 1, Past: cancel}
	session.RunContext(ctx, []string{d.path}, a.world.options(), beside)
	all := []inlayHint{}
	for _, l := range beside.Lines {
		all = append(all, inlayHint{Position: d.lineRange(l.Line - 1).End, Label: l.Text, PaddingLeft: true, Tooltip: l.Before})
	}
	return all, nil
}
