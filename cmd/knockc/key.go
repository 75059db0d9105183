package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"example.org/knockc/codes"
	"example.org/knockc/internal/lazy"
	"example.org/knockc/lang"
)

var keyCommand = &command{
	name:  "key",
	usage: "FILE",
	short: "make a key for one-time codes",
	long: `
Key makes a random key and writes it to a new file that only you can read. It never
overwrites a file.

A policy names the file, and its knocks then have steps with one-time codes:

    knock ssh < otp/62201 -> 22 key "ssh.key" >

The host and its clients need the same key. Make one key for each host: with the same
key and the same name of a knock, two hosts would take the same codes.
` + "`knockc help codes.md`" + ` has the details.`,
	setup: func(*flag.FlagSet) func(*streams, []string) error { return makeKey },
}

func makeKey(s *streams, args []string) error {
	if len(args) != 1 {
		return usagef("takes the name of a file")
	}
	name := args[0]
	switch err := codes.WriteKey(name, codes.NewKey()); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists already: a key is never overwritten", name)
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", name, reason(err))
	}
	s.done = true
	shown := lang.Printable(name)
	fmt.Fprintf(s.out, "%s: a new key, which only you can read\n", shown)
	fmt.Fprintf(s.out, "Make one key for each host: two hosts with the same key would take the same codes.\n")
	fmt.Fprintf(s.out, "Next, write a knock that uses it, and run `knockc apply`:\n\n")
	fmt.Fprintf(s.out, "    knock ssh < otp/62201 -> 22 key \"%s\" >\n", shown)
	return nil
}

var longHex = lazy.Regexp(`[0-9A-Fa-f]{32}`)

// readKey reads a key, and warns if others may know it.
func (s *streams) readKey(name string) (codes.Key, error) {
	key, err := codes.ReadKey(name)
	var path *fs.PathError
	switch {
	case errors.As(err, &path) && longHex().MatchString(name): // most likely the key itself
		err = fmt.Errorf("cannot read the key: %w: -key takes the name of its file", reason(err))
	case errors.As(err, &path):
		err = fmt.Errorf("cannot read the key %s: %w", name, reason(err))
	}
	if err == nil {
		s.warn(codes.Exposed(name))
	}
	return key, err
}
