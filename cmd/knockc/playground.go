package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

var playgroundCommand = &command{
	name:  "playground",
	usage: "[-listen ADDRESS] [-page FILE] [-o FILE]",
	short: "try policies and traces in a browser, with findings as you type",
	long: `
Playground opens a page in the browser, with a field for a policy and one for a trace. As
you type, it underlines mistakes, says what becomes of each packet, draws when doors are
open, and shows the rules that are built. Nothing you type leaves the page; a link that
you copy there holds both texts.

The page is one file, which a browser also opens without knockc and without a network.
With -o, playground writes it to FILE, and serves nothing. Otherwise it serves the page,
on a free port of 127.0.0.1 or on the address that -listen gives, until it is interrupted.
It opens the browser if its output is a terminal.

The page is not part of the command. It is looked for beside the command, and in the
folder share/knockc of its installation; -page names another place. In a clone,
` + "`make playground`" + ` builds playground.html, which needs Node.js and npm; if you then
install knockc from the clone, the page is installed too.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var p playing
		flags.StringVar(&p.listen, "listen", "127.0.0.1:0", "serve the page on `ADDRESS`, a host and a port")
		flags.StringVar(&p.page, "page", "", "the page is in `FILE`")
		flags.StringVar(&p.output, "o", "", "write the page to `FILE`, or - for standard output")
		return func(s *streams, args []string) error {
			if len(args) > 0 {
				return usagef("takes no arguments: type or paste the policy into the page")
			}
			return p.run(s)
		}
	},
}

// playing is what the command line asks for.
type playing struct{ listen, page, output string }

func (p *playing) run(s *streams) error {
	page, err := p.read()
	if err != nil {
		return err
	}
	if p.output != "" {
		return s.write(p.output, page, 0o666)
	}
	l, err := net.Listen("tcp", p.listen)
	if err != nil {
		return fmt.Errorf("cannot serve the page: %w", err)
	}
	address := fmt.Sprintf("http://%s/", l.Addr())
	fmt.Fprintf(s.out, "The playground is at %s\nPress Ctrl-C to end it.\n", address)
	if err := s.out.Flush(); err != nil {
		return err
	}
	if isTerminal(os.Stdout) {
		openBrowser(address)
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return servePage(interrupted, l, page)
}

// playgroundPage is the name of the page.
const playgroundPage = "playground.html"

// read reads the page from where it may be.
func (p *playing) read() ([]byte, error) {
	if p.page != "" {
		page, err := os.ReadFile(p.page)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", p.page, reason(err))
		}
		return page, nil
	}
	for _, file := range pagePlaces() {
		page, err := os.ReadFile(file)
		switch {
		case err == nil:
			return page, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("cannot read %s: %w", file, reason(err))
		}
	}
	return nil, errors.New("the page of the playground is not installed: run `make playground` in a clone, and then `knockc playground -page playground.html` there")
}

// pagePlaces are where the page may be: beside the command, and where its installation has
// such files.
func pagePlaces() []string {
	command, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(command); err == nil {
		command = real
	}
	folder := filepath.Dir(command)
	return []string{filepath.Join(folder, playgroundPage), filepath.Join(folder, "..", "share", "knockc", playgroundPage)}
}

// servePage serves the page until the context is done.
func servePage(ctx context.Context, l net.Listener, page []byte) error {
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "no-cache")
			w.Write(page)
		}),
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// openBrowser opens a page, if the system has a way to. If it has none, the address that was
// printed remains.
func openBrowser(address string) {
	open := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if open == nil {
		open = []string{"xdg-open"}
	}
	c := exec.Command(open[0], slices.Concat(open[1:], []string{address})...)
	if c.Start() == nil {
		go c.Wait()
	}
}
