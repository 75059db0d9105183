package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
)

var newCommand = &command{
	name:  "new",
	usage: "[-steps N] [-otp] [-o FILE] NAME SERVICE... | -rotate POLICY KNOCK",
	short: "write a policy with random steps, and its tests",
	long: `
New writes a policy with one knock, whose steps are random ports, to the new file
NAME.knock, and a trace that tests it to NAME.trace. Check finds nothing in such a policy.

With -otp, the only step is a datagram with a one-time code, and a key is written to
NAME.key.

With -rotate, new gives a knock of a policy other random ports, and leaves everything
else in the file as it is.

Only you can read the files that new makes, and it never overwrites one.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		n := &newRun{}
		flags.Func("steps", "knock at `N` ports (4 if not given)", n.setSteps)
		flags.BoolVar(&n.code, "otp", false, "knock with a one-time code instead of ports")
		flags.StringVar(&n.file, "o", "", "write the policy to `FILE`, and the rest beside it")
		flags.BoolVar(&n.rotate, "rotate", false, "give a knock of a policy other ports")
		return n.run
	},
}

func (n *newRun) setSteps(text string) (err error) {
	switch n.steps, err = strconv.Atoi(text); {
	case err != nil:
		return fmt.Errorf("wanted a number")
	case n.steps < 2:
		return fmt.Errorf("wanted 2 or more: a single port is found by every scan")
	case n.steps > lang.MaxSteps:
		return fmt.Errorf("wanted %d at most", lang.MaxSteps)
	}
	return nil
}

type newRun struct {
	steps        int
	code, rotate bool
	file         string // of the policy
}

func (n *newRun) run(s *streams, args []string) error {
	switch {
	case n.rotate && (n.code || n.file != "" || n.steps != 0):
		return usagef("-rotate takes neither -otp nor -o nor -steps")
	case n.code && n.steps != 0:
		return usagef("-otp and -steps exclude each other: the code is the only step")
	case n.rotate && len(args) == 2 && !exists(args[0]) && exists(args[1]):
		return meant("new: the policy comes before the knock", "new -rotate", args[1], args[0])
	case n.rotate && len(args) != 2:
		return usagef("-rotate takes a policy, and the name of a knock")
	case n.rotate:
		return rotate(s, args[0], args[1])
	case len(args) < 2:
		return usagef("takes a name for the knock, and the services that it guards")
	case !lang.IsName(args[0]) && lang.IsName(args[1]):
		return meant("new: the name of the knock comes first", "new", args[1], args[0])
	case !lang.IsName(args[0]):
		return usagef("%s is not a name for a knock: names are letters, digits, - and _", lang.Quote(args[0]))
	case n.file == stdio:
		return usagef("-o needs a file: what new writes is secret")
	}
	if n.steps == 0 {
		n.steps = 4
	}
	return n.write(s, args[0], args[1:])
}

// write writes all files, or none.
func (n *newRun) write(s *streams, name string, services []string) (err error) {
	if n.file == "" {
		n.file = name + ".knock"
	}
	base := strings.TrimSuffix(n.file, ".knock")
	key := base + ".key"
	text, policy, err := draft{name: name, steps: n.steps, code: n.code, key: filepath.Base(key)}.policy(services)
	if err != nil {
		return err
	}
	named, err := policyLine(filepath.Base(n.file))
	if err != nil {
		return err
	}
	var made []string
	defer func() {
		if err != nil {
			for _, file := range made {
				os.Remove(file)
			}
		}
	}()
	make := func(file string, err error) error {
		switch {
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%s exists already: it is never overwritten", lang.Printable(file))
		case err != nil:
			return fmt.Errorf("cannot write %s: %w", lang.Printable(file), reason(err))
		}
		made = append(made, file)
		return nil
	}
	if err := make(n.file, writeNew(n.file, text)); err != nil {
		return err
	}
	tests := base + ".trace"
	if err := make(tests, writeNew(tests, testsOf(policy.Knocks[0], filepath.Base(n.file), named))); err != nil {
		return err
	}
	if n.code {
		if err := make(key, codes.WriteKey(key, codes.NewKey())); err != nil {
			return err
		}
	}
	s.done = true
	n.tell(s, policy.Knocks[0], made)
	return nil
}

// tell says what there is now, and what to do with it.
func (n *newRun) tell(s *streams, k *lang.Knock, made []string) {
	for i, what := range []string{"a new policy, which only you can read", "its tests, for `knockc sim`", "its key, for this host alone"}[:len(made)] {
		fmt.Fprintf(s.out, "%s: %s\n", lang.Printable(made[i]), what)
	}
	policy, name, verify := lang.Printable(n.file), k.Name.Text, ""
	if slices.ContainsFunc(k.Services, func(s lang.Service) bool { return s.Proto == lang.TCP }) {
		verify = "-verify "
	}
	fmt.Fprintf(s.out, "\nNext, load the policy. Until you confirm it, it is on trial:\n\n    knockc apply -confirm 3m %s\n", policy)
	fmt.Fprintf(s.out, "\nKnock from another machine, with a copy of %s:\n\n    knockc knock -policy %s %s%s HOST\n", theCopied(made), policy, verify, name)
	fmt.Fprintf(s.out, "\nFor machines without knockc, print commands:\n\n    knockc client -policy %s %s HOST\n", policy, name)
}

// theCopied are the files that a client needs.
func theCopied(made []string) string {
	if len(made) == 3 {
		return "the policy and the key"
	}
	return "the policy"
}

// writeNew writes a file that only its owner can read, and that must not be there yet.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(name)
	}
	return err
}

// rotate gives a knock of a policy other ports.
func rotate(s *streams, file, name string) error {
	src, err := s.read(file)
	if err != nil {
		return err
	}
	policy, found := lang.Examine(src)
	if err := lang.NewFileFindings(file, bytes.NewReader(src), lang.AtLeast(lang.Error, found)).Err(); err != nil {
		return err
	}
	k, err := findKnock(policy, file, name)
	if err != nil {
		return err
	}
	text, err := withOtherPorts(src, policy, k)
	if err != nil {
		return fmt.Errorf("%s: %w", lang.Printable(file), err)
	}
	if err := s.write(file, text, 0o600); err != nil {
		return err
	}
	s.done = true
	if file != stdio {
		shown := lang.Printable(file)
		fmt.Fprintf(s.out, "%s: knock %s has other steps\n", shown, name)
		fmt.Fprintf(s.out, "\nNext, write the new steps into the traces of the policy, and load it:\n\n    knockc apply -confirm 3m %s\n\nWhoever knocks needs the new policy.\n", shown)
	}
	return nil
}
