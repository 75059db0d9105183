package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"runtime/debug"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

// Serve serves one client until it exits or is gone. The error says that it is gone without
// a word. What goes wrong is said in errOut.
func Serve(ctx context.Context, in io.Reader, out io.Writer, errOut io.Writer, version string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := start(ctx, in, out, errOut, version)
	<-s.conn.DisconnectNotify()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending {
		return errGone
	}
	return nil
}

// start serves a client in the background.
func start(ctx context.Context, in io.Reader, out io.Writer, errOut io.Writer, version string) *server {
	s := &server{
		version: version, log: log.New(errOut, "knockc lsp: ", 0),
		world: &world{open: map[string]*document{}, traces: map[string]string{}},
		index: newIndex(), running: map[string]context.CancelFunc{}, ready: make(chan struct{}),
	}
	s.checks = newChecks(s)
	stream := jsonrpc2.NewBufferedStream(pipe{in, out}, jsonrpc2.VSCodeObjectCodec{})
	s.conn = jsonrpc2.NewConn(ctx, stream, s, jsonrpc2.SetLogger(s.log))
	close(s.ready)
	go s.checks.run(ctx)
	return s
}

var errGone = fmt.Errorf("the editor has gone without a word")

// pipe is what the client writes to and reads from.
type pipe struct {
	io.Reader
	io.Writer
}

// Close does nothing: whoever has opened the two closes them.
func (pipe) Close() error { return nil }

// server serves a client.
type server struct {
	version string
	log     *log.Logger
	conn    *jsonrpc2.Conn
	ready   chan struct{} // closed once there is a conn
	index   *index
	checks  *checks

	mu      sync.Mutex
	world   *world
	ending  bool                          // the client has said that it will exit
	running map[string]context.CancelFunc // requests, by their ids
	watches bool                          // the client can tell of files that change
	refresh bool                          // the client can be told that hints have changed
}

// Handle handles one message. Those that change the world are handled before the next
// message is read; requests are answered beside.
func (s *server) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	<-s.ready
	defer s.recover(req)
	if req.Notif {
		if handle := notifications[req.Method]; handle != nil {
			if err := handle(s, params(req)); err != nil {
				s.log.Printf("%s: %v", req.Method, err)
			}
		}
		return
	}
	answer := requests[req.Method]
	if answer == nil {
		conn.ReplyWithError(ctx, req.ID, &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: "knockc does not know " + req.Method})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	w := s.world
	s.running[req.ID.String()] = cancel
	s.mu.Unlock()
	go s.answer(ctx, w, req, answer)
}

// answer answers a request.
func (s *server) answer(ctx context.Context, w *world, req *jsonrpc2.Request, answer request) {
	defer s.recover(req)
	result, err := answer(ctx, s, w, params(req))
	cancelled := ctx.Err() != nil
	s.mu.Lock()
	if cancel := s.running[req.ID.String()]; cancel != nil {
		cancel()
		delete(s.running, req.ID.String())
	}
	s.mu.Unlock()
	ctx = context.Background()
	switch {
	case cancelled:
		err = s.conn.ReplyWithError(ctx, req.ID, &jsonrpc2.Error{Code: codeCancelled, Message: "cancelled"})
	case err != nil:
		failed := &jsonrpc2.Error{Code: codeFailed, Message: err.Error()}
		errors.As(err, &failed)
		err = s.conn.ReplyWithError(ctx, req.ID, failed)
	default:
		err = s.conn.Reply(ctx, req.ID, result)
	}
	if err != nil && err != jsonrpc2.ErrClosed {
		s.log.Printf("%s: %v", req.Method, err)
	}
}

// Codes of errors in the protocol.
const (
	codeCancelled = -32800
	codeFailed    = -32803
)

// recover keeps a fault in the server from ending it.
func (s *server) recover(req *jsonrpc2.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	s.log.Printf("%s: %v\n%s", req.Method, fault, debug.Stack())
	if !req.Notif {
		s.conn.ReplyWithError(context.Background(), req.ID, &jsonrpc2.Error{Code: jsonrpc2.CodeInternalError, Message: fmt.Sprint(fault)})
	}
}

func params(req *jsonrpc2.Request) json.RawMessage {
	if req.Params == nil {
		return json.RawMessage("{}")
	}
	return *req.Params
}

// change makes another world of this one, and checks what has changed.
func (s *server) change(next func(*world) *world, changed ...string) {
	s.mu.Lock()
	number := s.world.number + 1
	w := next(s.world)
	if w == s.world {
		s.mu.Unlock()
		return
	}
	w.number, s.world = number, w
	s.mu.Unlock()
	s.checks.begin(w, changed)
}

// current is the world as it is.
func (s *server) current() *world {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world
}

// notify tells the client something.
func (s *server) notify(method string, params any) {
	if err := s.conn.Notify(context.Background(), method, params); err != nil && err != jsonrpc2.ErrClosed {
		s.log.Printf("%s: %v", method, err)
	}
}

// cancel cancels a request.
func (s *server) cancel(id json.RawMessage) {
	var key jsonrpc2.ID
	if key.UnmarshalJSON(id) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[key.String()]; cancel != nil {
		cancel()
	}
}
