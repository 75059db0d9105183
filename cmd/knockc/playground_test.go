package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestServePage: the page is served, nothing else is, and the end comes when it is asked for.
func TestServePage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- servePage(ctx, l, []byte("<p>page")) }()
	for path, want := range map[string]string{"/": "<p>page", "/x": "404 page not found\n"} {
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		r.Body.Close()
		if string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
