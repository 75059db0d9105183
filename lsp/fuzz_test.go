package lsp

import (
	"context"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sourcegraph/jsonrpc2"
)

// FuzzEditing: whatever is typed and asked, the server answers, and its texts are the
// client's.
func FuzzEditing(f *testing.F) {
	f.Add("knock ssh < 1001 2002 -> 22 reset any >\n", "policy policy.knock\n0s 192.0.2.7 -> 1001 => pass\n+0s expect ssh at 1 for 192.0.2.7\n", []byte("\x00\x0a\x05\x21\x04\x18\x00\x03\x00"))
	f.Add("default drop\nopen 80\nknock a < otp/62201 -> 22 key \"k\" >\n", "0s 192.0.2.7 -> udp/62201 otp a\n", []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, policy, trace string, keys []byte) {
		if !utf8.ValidString(policy) || !utf8.ValidString(trace) || len(policy)+len(trace) > 4000 || len(keys) > 100 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c := newClient(ctx, t)
		texts := map[string]string{"policy.knock": policy, "a.trace": trace}
		for name, text := range texts {
			c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": c.uri(name), "version": 1, "text": text}})
		}
		for i := 0; i+3 < len(keys); i += 4 {
			name := []string{"policy.knock", "a.trace"}[keys[i]%2]
			start := position{int(keys[i+1]) % 8, int(keys[i+2]) % 64}
			end := position{start.Line, start.Character + int(keys[i+3])%4}
			at := map[string]any{"textDocument": documentID{URI: c.uri(name)}, "position": start, "range": textRange{start, end}, "newName": "b", "context": map[string]any{}}
			if method := asks[int(keys[i]/2)%len(asks)]; method != "" {
				c.ask(ctx, method, at)
				continue
			}
			typed := typing[int(keys[i+3])%len(typing)]
			texts[name] = editorText(texts[name], start, end, typed)
			c.notify("textDocument/didChange", changeParams{documentID{URI: c.uri(name), Version: i + 2}, []change{{&textRange{start, end}, typed}}})
		}
		c.ask(ctx, "textDocument/formatting", documentParams{documentID{URI: c.uri("a.trace")}})
		w := c.server.current()
		for name, text := range texts {
			if got := w.open[filepath.Join(c.folder, name)].src; got != text {
				t.Errorf("%s: the server has %q, the client %q", name, got, text)
			}
		}
	})
}

// asks are what a client asks; "" is typing.
var asks = []string{"", "", "", "textDocument/hover", "textDocument/completion", "textDocument/definition", "textDocument/references",
	"textDocument/prepareRename", "textDocument/rename", "textDocument/codeAction", "textDocument/documentSymbol", "textDocument/inlayHint", "textDocument/formatting"}

var typing = []string{"", "x", " ", "\n", "<", ">", "->", "knock a < 1 2 -> 3 >\n", "\"", "#", "→", "😀", "\r", "expect a open for ::1", "1s 1.2.3.4 -> 1-65535 every 1ns\n", "=> drop"}

// client is one end of a connection to a server.
type client struct {
	*server
	t      *testing.T
	folder string
	conn   *jsonrpc2.Conn
	over   atomic.Bool // the test is, and the server may find that its client has gone
}

func newClient(ctx context.Context, t *testing.T) *client {
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	c := &client{t: t, folder: t.TempDir()}
	t.Cleanup(func() {
		c.over.Store(true)
		toServer.Close()
		toClient.Close()
	})
	c.server = start(ctx, fromClient, toClient, c, "test")
	c.conn = jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(pipe{fromServer, toServer}, jsonrpc2.VSCodeObjectCodec{}), jsonrpc2.HandlerWithError(
		func(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request) (any, error) { return nil, nil }))
	return c
}

func (c *client) uri(name string) string { return uriOf(filepath.Join(c.folder, name)) }

func (c *client) notify(method string, params any) {
	if err := c.conn.Notify(context.Background(), method, params); err != nil {
		c.t.Fatal(err)
	}
}

// ask asks, and takes any answer but that of a fault.
func (c *client) ask(ctx context.Context, method string, params any) {
	err := c.conn.Call(ctx, method, params, nil)
	if e, isAnswer := err.(*jsonrpc2.Error); err != nil && (!isAnswer || e.Code != codeFailed) {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// Write fails the test if the server says that something went wrong.
func (c *client) Write(b []byte) (int, error) {
	if !c.over.Load() {
		c.t.Errorf("the server says: %s", b)
	}
	return len(b), nil
}
