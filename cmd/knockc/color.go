package main

import (
	"errors"
	"flag"
	"io"
	"os"
)

// colorful reports whether colour will be seen: on a terminal, unless its user
// does not want any (no-color.org).
func colorful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(f)
}

// colorChoices are the values of -color.
var colorChoices = []string{"always", "never", "auto"}

// colorFlag declares -color. What it returns makes streams follow it.
func colorFlag(flags *flag.FlagSet) func(*streams) {
	when := "auto"
	flags.Func("color", "print colors `WHEN`: always, never, or auto (on a terminal, if NO_COLOR is not set)", func(text string) error {
		when = text
		if when != "always" && when != "never" && when != "auto" {
			return errors.New("wanted always, never or auto")
		}
		return nil
	})
	return func(s *streams) {
		if when != "auto" {
			s.outColor, s.errColor = when == "always", when == "always"
		}
	}
}
