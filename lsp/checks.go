package lsp

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim/session"
)

// checks find what is wrong with documents, and tell the client. A change ends what is
// under way; what was not told yet is checked again in the new world.
type checks struct {
	server *server
	wake   chan struct{}

	mu      sync.Mutex
	world   *world
	waiting map[string]bool // the paths of what has to be checked
	cancel  context.CancelFunc

	shown map[string]bool // the paths of what the client shows diagnostics of; only for run
}

func newChecks(s *server) *checks {
	return &checks{server: s, wake: make(chan struct{}, 1), waiting: map[string]bool{}, shown: map[string]bool{}}
}

// begin checks what has changed in a new world, and the traces of policies that have; if
// nothing is named, all that is open.
func (c *checks) begin(w *world, changed []string) {
	if len(changed) == 0 {
		changed = slices.Collect(maps.Keys(w.open))
	}
	c.mu.Lock()
	if c.world == nil || w.number > c.world.number {
		c.world = w
	}
	for _, path := range changed {
		c.waiting[path] = true
		for name, policy := range w.traces {
			if policy == path {
				c.waiting[name] = true
			}
		}
	}
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it will wake anyway
	}
}

// run checks until the context is done.
func (c *checks) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		work, cancel := context.WithCancel(ctx)
		c.mu.Lock()
		w, waiting := c.world, slices.Sorted(maps.Keys(c.waiting))
		c.cancel = cancel
		c.mu.Unlock()
		c.check(work, w, waiting)
		cancel()
	}
}

// check checks policies, and then replays traces.
func (c *checks) check(ctx context.Context, w *world, waiting []string) {
	var traces []string
	for _, path := range waiting {
		d := w.open[path]
		switch {
		case d != nil && d.trace, d == nil && isTrace(path):
			traces = append(traces, path)
		case d == nil:
			c.tell(ctx, path, nil, []diagnostic{})
		default:
			_, found := d.examined()
			c.tell(ctx, path, d, diagnostics(d.text, found))
		}
	}
	if len(traces) == 0 || ctx.Err() != nil {
		return
	}
	slices.SortStableFunc(traces, w.sooner)
	replays := &replays{told: func(r *session.Result, failed []report.LineFailure) {
		d := w.document(r.Name)
		if d == nil {
			c.tell(ctx, r.Name, nil, []diagnostic{})
			return
		}
		c.tell(ctx, r.Name, w.open[r.Name], d.traceDiagnostics(w, r, failed))
	}}
	session.RunContext(ctx, traces, w.options(), replays)
	if ctx.Err() == nil && c.server.refresh {
		c.server.call("workspace/inlayHint/refresh", nil)
	}
}

// sooner orders traces: those that are open come first, the shortest of them at once.
func (w *world) sooner(a, b string) int {
	d, e := w.open[a], w.open[b]
	switch {
	case d != nil && e != nil:
		return len(d.src) - len(e.src)
	case d != nil:
		return -1
	case e != nil:
		return 1
	}
	return 0
}

// tell tells the client what is wrong with a document, which is nil if it is not open.
func (c *checks) tell(ctx context.Context, path string, d *document, found []diagnostic) {
	c.mu.Lock()
	dropped := ctx.Err() != nil
	if !dropped {
		delete(c.waiting, path)
	}
	c.mu.Unlock()
	if dropped {
		return
	}
	if d == nil && len(found) == 0 && !c.shown[path] {
		return
	}
	p := diagnosticsParams{documentID{URI: uriOf(path)}, found}
	if d != nil {
		p.documentID = documentID{d.uri, d.version}
	}
	if c.shown[path] = true; len(found) == 0 {
		delete(c.shown, path)
	}
	c.server.notify("textDocument/publishDiagnostics", p)
}

// source is who has found something, in the words of the protocol.
const source = "knockc"

// severities are those of the protocol. An info is found in good policies too.
var severities = map[lang.Severity]int{lang.Error: severityError, lang.Warning: severityWarning, lang.Info: severityHint}

func diagnostics(t *text, found []lang.Finding) []diagnostic {
	all := []diagnostic{}
	for _, f := range found {
		message := f.Message
		if f.Hint != "" {
			message += "\nhint: " + f.Hint
		}
		all = append(all, diagnostic{t.rangeOf(f.Span), severities[f.Severity], string(f.Code), source, message})
	}
	return all
}

// traceDiagnostics are those of a trace: about its text, its policy, and what has failed.
func (d *document) traceDiagnostics(w *world, r *session.Result, failed []report.LineFailure) []diagnostic {
	all := diagnostics(d.text, r.Findings)
	if len(all) == 0 && len(r.Errs) > 0 {
		all = append(all, d.noPolicy(w, r.Errs[0])...)
	}
	for _, f := range failed {
		all = append(all, diagnostic{d.rangeOf(f.Span), severityError, "", source, f.Text()})
	}
	return all
}

// noPolicy says that the policy of a trace cannot be used. It is silent of a trace that is
// not open, and of one that names no policy, which may be given on the command line.
func (d *document) noPolicy(w *world, err error) []diagnostic {
	reader := trace.NewReader(openText{d.reader()})
	reader.Next()
	at, named := d.lineRange(0), reader.Policy()
	if named != nil {
		at = d.rangeOf(named.Span)
	}
	var faulty *lang.FileFindings
	switch {
	case w.open[d.path] == nil, named == nil && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &faulty):
		return []diagnostic{{at, severityWarning, string(lang.CodeUnknown), source, "the policy has errors, so the trace was not replayed"}}
	}
	return []diagnostic{{at, severityError, string(lang.CodeUnknown), source, err.Error()}}
}
