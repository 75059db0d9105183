package lsp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"example.org/knockc/lsp"
)

// bound is how long a test waits for what has to come.
const bound = 5 * time.Minute

// object is a value of the protocol.
type object = map[string]any

// editor is a client with a folder of files.
type editor struct {
	t      testing.TB
	folder string
	conn   *jsonrpc2.Conn
	served chan error
	in     io.Closer
	over   atomic.Bool // the test is

	mu      sync.Mutex
	shown   map[string][]diagnostic // by the name of the file
	told    []telling
	of      map[string]int // of which version
	changed chan struct{}
	said    []string // messages to the user
	version int
}

type diagnostic struct {
	Range struct {
		Start, End struct{ Line, Character int }
	}
	Severity int
	Code     string
	Message  string
}

// newEditor starts a server for a folder with files.
func newEditor(t testing.TB, files map[string]string) *editor {
	t.Helper()
	e := &editor{t: t, folder: t.TempDir(), served: make(chan error, 1), shown: map[string][]diagnostic{}, of: map[string]int{}, changed: make(chan struct{}, 1)}
	for name, text := range files {
		e.write(name, text)
	}
	fromEditor, toServer := io.Pipe()
	fromServer, toEditor := io.Pipe()
	e.in = toServer
	go func() {
		e.served <- lsp.Serve(context.Background(), fromEditor, toEditor, e, "test")
		toEditor.Close()
	}()
	e.conn = jsonrpc2.NewConn(context.Background(), jsonrpc2.NewBufferedStream(pipe{fromServer, toServer}, jsonrpc2.VSCodeObjectCodec{}), e)
	t.Cleanup(func() {
		e.over.Store(true)
		e.conn.Close()
		toServer.Close()
		fromServer.Close()
	})
	e.ask("initialize", object{"rootUri": e.uri(""), "capabilities": object{}}, nil)
	e.notify("initialized", object{})
	return e
}

type pipe struct {
	io.Reader
	io.WriteCloser
}

// Write fails the test if the server says that something went wrong.
func (e *editor) Write(b []byte) (int, error) {
	if !e.over.Load() {
		e.t.Errorf("the server says: %s", b)
	}
	return len(b), nil
}

// Handle takes what the server says.
func (e *editor) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	switch req.Method {
	case "textDocument/publishDiagnostics":
		var p struct {
			URI         string
			Version     int
			Diagnostics []diagnostic
		}
		if err := json.Unmarshal(*req.Params, &p); err != nil {
			e.t.Error(err)
		}
		u, _ := url.Parse(p.URI)
		e.mu.Lock()
		e.shown[filepath.Base(u.Path)] = p.Diagnostics
		e.told = append(e.told, telling{filepath.Base(u.Path), len(p.Diagnostics)})
		e.of[filepath.Base(u.Path)] = p.Version
		e.mu.Unlock()
		select {
		case e.changed <- struct{}{}:
		default:
		}
	case "window/showMessage":
		var p struct{ Message string }
		json.Unmarshal(*req.Params, &p)
		e.mu.Lock()
		e.said = append(e.said, p.Message)
		e.mu.Unlock()
	}
	if !req.Notif {
		conn.Reply(ctx, req.ID, nil)
	}
}

func (e *editor) uri(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(e.folder, name))}).String()
}

func (e *editor) write(name, text string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.folder, name), []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) ask(method string, params, result any) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := e.conn.Call(ctx, method, params, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	if err := e.conn.Notify(context.Background(), method, params); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

// open opens a file.
func (e *editor) open(name string) {
	e.t.Helper()
	language := "knock"
	if strings.HasSuffix(name, ".trace") {
		language = "knocktrace"
	}
	e.openAs(name, language)
}

// openAs opens a file and says what its language is.
func (e *editor) openAs(name, language string) {
	e.t.Helper()
	text, err := os.ReadFile(filepath.Join(e.folder, name))
	if err != nil {
		e.t.Fatal(err)
	}
	e.version++
	e.notify("textDocument/didOpen", object{"textDocument": object{"uri": e.uri(name), "languageId": language, "version": e.version, "text": string(text)}})
}

// edit puts a text in the place of characters of a line; those of the text have no
// surrogates.
func (e *editor) edit(name string, line, from, to int, text string) {
	e.t.Helper()
	e.version++
	e.notify("textDocument/didChange", object{
		"textDocument":   object{"uri": e.uri(name), "version": e.version},
		"contentChanges": []object{{"range": span(line, from, line, to), "text": text}},
	})
}

func at(line, character int) object { return object{"line": line, "character": character} }

func span(line, from, toLine, to int) object {
	return object{"start": at(line, from), "end": at(toLine, to)}
}

func (e *editor) place(name string, line, character int) object {
	return object{"textDocument": object{"uri": e.uri(name)}, "position": at(line, character)}
}

// telling is that the server told what it found in a file, perhaps nothing.
type telling struct {
	file     string
	findings int
}

// sees waits until the editor shows of a file what is wanted: one text for each
// diagnostic, which contains it, in the order of the file.
func (e *editor) sees(name string, wanted ...string) []diagnostic {
	e.t.Helper()
	deadline := time.After(bound)
	for {
		e.mu.Lock()
		shown, told := e.shown[name]
		e.mu.Unlock()
		if told && matches(shown, wanted) {
			return shown
		}
		select {
		case <-e.changed:
		case <-deadline:
			e.t.Fatalf("%s: shows %+v, wanted %q", name, shown, wanted)
		}
	}
}

// seesVersion waits until the editor shows what was found in a version of a document.
func (e *editor) seesVersion(name string, version int) {
	e.t.Helper()
	deadline := time.After(bound)
	for {
		e.mu.Lock()
		shown := e.of[name]
		e.mu.Unlock()
		if shown >= version {
			return
		}
		select {
		case <-e.changed:
		case <-deadline:
			e.t.Fatalf("%s: shows version %d, not %d", name, shown, version)
		}
	}
}

func matches(shown []diagnostic, wanted []string) bool {
	shown = worse(shown)
	if len(shown) != len(wanted) {
		return false
	}
	for i, d := range shown {
		if !strings.Contains(fmt.Sprintf("%s %s", d.Code, d.Message), wanted[i]) {
			return false
		}
	}
	return true
}

// worse are errors and warnings: good policies have hints too.
func worse(shown []diagnostic) (all []diagnostic) {
	for _, d := range shown {
		if d.Severity <= 2 {
			all = append(all, d)
		}
	}
	return all
}
