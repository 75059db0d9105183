package lsp

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/sourcegraph/jsonrpc2"
)

// notification handles a message that has no answer.
type notification func(*server, json.RawMessage) error

// request is a message with an answer.
type request func(context.Context, *server, *world, json.RawMessage) (any, error)

var notifications = map[string]notification{
	"initialized":                     taking(func(s *server, _ struct{}) { s.initialized() }),
	"exit":                            taking(func(s *server, _ struct{}) { s.conn.Close() }),
	"textDocument/didOpen":            taking((*server).opened),
	"textDocument/didChange":          taking((*server).changed),
	"textDocument/didClose":           taking((*server).closed),
	"workspace/didChangeWatchedFiles": taking((*server).filesChanged),
	"$/cancelRequest":                 taking(func(s *server, p cancelParams) { s.cancel(p.ID) }),
}

var requests = map[string]request{
	"initialize":                  answering(initialize),
	"shutdown":                    answering(shutdown),
	"textDocument/formatting":     answering(formatting),
	"textDocument/hover":          answering(hovering),
	"textDocument/completion":     answering(completing),
	"textDocument/definition":     answering(defining),
	"textDocument/references":     answering(referring),
	"textDocument/prepareRename":  answering(preparingRename),
	"textDocument/rename":         answering(renaming),
	"textDocument/codeAction":     answering(acting),
	"textDocument/documentSymbol": answering(outlining),
	"textDocument/inlayHint":      answering(hinting),
}

// taking is a notification with parameters of a type.
func taking[P any](handle func(*server, P)) notification {
	return func(s *server, raw json.RawMessage) error {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		handle(s, p)
		return nil
	}
}

// asked is what a request is about.
type asked struct {
	context.Context
	*server
	*world
}

// answering is a request with parameters of a type.
func answering[P, R any](answer func(asked, P) (R, error)) request {
	return func(ctx context.Context, s *server, w *world, raw json.RawMessage) (any, error) {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: err.Error()}
		}
		return answer(asked{ctx, s, w}, p)
	}
}

// initialize says what the server can do.
func initialize(a asked, p initializeParams) (any, error) {
	roots := []string{}
	for _, folder := range p.WorkspaceFolders {
		roots = append(roots, pathOf(folder.URI))
	}
	if len(roots) == 0 && p.RootURI != "" {
		roots = append(roots, pathOf(p.RootURI))
	}
	a.index.setRoots(roots)
	a.mu.Lock()
	a.watches = p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration
	a.refresh = p.Capabilities.Workspace.InlayHint.RefreshSupport
	a.mu.Unlock()
	return map[string]any{
		"serverInfo": map[string]string{"name": "knockc", "version": a.version},
		"capabilities": map[string]any{
			"positionEncoding":           "utf-16",
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2}, // incremental
			"documentFormattingProvider": true,
			"hoverProvider":              true,
			"completionProvider":         map[string]any{"triggerCharacters": []string{" ", ">"}},
			"definitionProvider":         true,
			"referencesProvider":         true,
			"renameProvider":             map[string]any{"prepareProvider": true},
			"codeActionProvider":         map[string]any{"codeActionKinds": []string{"quickfix"}},
			"documentSymbolProvider":     true,
			"inlayHintProvider":          true,
		},
	}, nil
}

func shutdown(a asked, _ struct{}) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ending = true
	return nil, nil
}

// initialized looks for traces in the folders of the client, and asks to be told of files
// that change.
func (s *server) initialized() {
	s.mu.Lock()
	watches := s.watches
	s.mu.Unlock()
	go func() {
		s.index.scan()
		s.change(s.reindexed)
	}()
	if watches {
		watcher := map[string]any{"globPattern": "**/*.{knock,trace}"}
		registration := map[string]any{"id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": map[string]any{"watchers": []any{watcher}}}
		s.call("client/registerCapability", map[string]any{"registrations": []any{registration}})
	}
}

// call asks the client for something, and does not wait for its answer.
func (s *server) call(method string, params any) {
	if _, err := s.conn.DispatchCall(context.Background(), method, params); err != nil {
		s.log.Printf("%s: %v", method, err)
	}
}

// reindexed is the world with what the index knows of traces.
func (s *server) reindexed(w *world) *world { return &world{open: w.open, traces: s.index.all(w)} }

func (s *server) opened(p openParams) {
	path := pathOf(p.TextDocument.URI)
	d := &document{uri: p.TextDocument.URI, path: path, trace: opensTrace(path, p.TextDocument.LanguageID), version: p.TextDocument.Version, text: newText(p.TextDocument.Text)}
	s.index.look(path)
	s.change(func(w *world) *world { return s.reindexed(w.with(path, d)) }, path)
}

// opensTrace reports whether a document is a trace. Its name is asked first: Emacs 28 gives
// all documents of a server the language of the first.
func opensTrace(path, language string) bool {
	switch filepath.Ext(path) {
	case ".knock":
		return false
	case ".trace":
		return true
	}
	switch language {
	case "knock":
		return false
	case "knocktrace":
		return true
	}
	return isTrace(path)
}

func (s *server) changed(p changeParams) {
	path := pathOf(p.TextDocument.URI)
	s.change(func(w *world) *world {
		old := w.open[path]
		if old == nil {
			return w
		}
		d := &document{uri: old.uri, path: path, trace: old.trace, version: p.TextDocument.Version, text: old.text.changed(p.ContentChanges)}
		next := w.with(path, d)
		if d.trace {
			next = s.reindexed(next)
		}
		return next
	}, path)
}

func (s *server) closed(p documentParams) {
	path := pathOf(p.TextDocument.URI)
	s.index.look(path)
	s.change(func(w *world) *world { return s.reindexed(w.with(path, nil)) }, path)
}

// filesChanged looks again at files on the disk.
func (s *server) filesChanged(p watchedParams) {
	var changed []string
	for _, file := range p.Changes {
		path := pathOf(file.URI)
		s.index.read(path)
		changed = append(append(changed, path), s.index.forget(path)...)
	}
	s.change(s.reindexed, changed...)
}

// of is the document that a request is about; nil if it is not open.
func (w *world) of(id documentID) *document { return w.open[pathOf(id.URI)] }
