//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"

	"example.org/knockc/lang"
)

// again shows the status each second. A policy may go, and come back: when a firewall is
// loaded again, all rules are gone for a moment.
func (v *viewing) again(s *streams) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	for {
		all, err := v.read(s)
		if err != nil && !nothingLoaded(err) {
			return inWords(err)
		}
		if s.outColor {
			fmt.Fprint(s.out, "\x1b[H\x1b[2J") // from the top of an empty screen
		}
		switch {
		case err != nil:
			fmt.Fprintln(s.out, lang.Printable(inWords(err).Error()))
		case s.outColor:
			v.printScreen(s.out, all, screenHeight())
		default:
			v.printAll(s.out, all, 0)
		}
		if err := s.out.Flush(); err != nil {
			return err
		}
		select {
		case <-interrupted:
			return nil
		case <-time.After(time.Second):
			fmt.Fprintln(s.out)
		}
	}
}

// screenHeight is how many lines the terminal has that standard output is.
func screenHeight() int {
	_, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || height <= 0 {
		height = 24
	}
	return height
}

// printScreen shows as much of the status as fits on a screen.
func (v *viewing) printScreen(w io.Writer, all []*seen, height int) {
	var text strings.Builder
	room := height - 1 // the cursor is below
	v.printAll(&text, all, max(1, room/len(all)))
	lines := strings.SplitAfter(strings.TrimSuffix(text.String(), "\n"), "\n")
	if more := len(lines) - room; more > 0 {
		lines = append(lines[:room-1], fmt.Sprintf("and %d more lines", more+1))
	}
	fmt.Fprintln(w, strings.Join(lines, ""))
}
