package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/knock"
	"example.org/knockc/lang"
)

// knocking is what the commands knock and client have in common: a sequence, where
// it goes, and how fast.
type knocking struct {
	policy string         // "": the usual file
	steps  *string        // nil: the knock of a policy
	delay  *time.Duration // nil: as long as is usual

	secret secretFlags

	knock *lang.Knock // without services if it is given by steps
	key   codes.Key   // if a step needs a code
	host  string
}

// usualPolicy is where a knock is looked up unless it is said.
const usualPolicy = "policy.knock"

func (k *knocking) declare(flags *flag.FlagSet) {
	flags.StringVar(&k.policy, "policy", "", "read the policy from `FILE` instead of "+usualPolicy)
	flags.Func("steps", "send `STEPS`, written as in a policy; no policy is needed", func(text string) error {
		k.steps = &text
		return nil
	})
	k.secret.declare(flags)
	flags.Func("delay", "wait for `TIME` between two steps (default 200ms)", k.setDelay)
}

func (k *knocking) setDelay(text string) error {
	delay, err := lang.ParseDuration(text, time.Millisecond)
	if err != nil && lang.IsDigits(text) {
		return fmt.Errorf("it %w: write for example %sms", err, text)
	}
	if err != nil {
		return fmt.Errorf("it %w", err)
	}
	k.delay = &delay
	return nil
}

// read takes the arguments, KNOCK and HOST, and finds the knock.
func (k *knocking) read(s *streams, args []string) error {
	file := slices.IndexFunc(args, func(a string) bool { return filepath.Ext(a) == ".knock" })
	switch {
	case k.steps == nil && k.policy == "" && file >= 0:
		rest := slices.Delete(slices.Clone(args), file, file+1)
		return &usageError{"a policy is named with -policy", strings.Join(append([]string{"write -policy", args[file]}, rest...), " ")}
	case k.steps != nil && k.policy != "":
		return usagef("-steps and -policy exclude each other")
	case k.steps != nil && len(args) != 1:
		return usagef("-steps takes only a host: its steps need no name")
	case k.steps == nil && len(args) > 2 && areSteps(args[1:]): // as knock(1) has it
		return &usageError{"takes the name of a knock, and a host", fmt.Sprintf("write steps so: -steps \"%s\" %s", strings.Join(args[1:], " "), args[0])}
	case k.steps == nil && len(args) != 2:
		return usagef("takes the name of a knock, and a host")
	}
	k.host = args[len(args)-1]
	if err := knock.CheckHost(k.host); err != nil {
		_, alone, _ := strings.Cut(k.host, "@")
		if alone = strings.Trim(cmp.Or(alone, k.host), "[]"); alone != k.host && knock.CheckHost(alone) == nil {
			return &usageError{err.Error(), "write only the host: " + alone}
		}
		return usagef("%v", err)
	}
	var err error
	if k.steps != nil {
		err = k.readSteps(s)
	} else {
		err = k.readPolicy(s, args[0])
	}
	if err != nil {
		return err
	}
	if err := k.readSecret(s); err != nil {
		return err
	}
	return k.checkDelay()
}

func (k *knocking) readSteps(s *streams) error {
	src := []byte(*k.steps)
	steps, found := lang.ParseSteps(src)
	findings := lang.NewFileFindings("-steps", bytes.NewReader(src), found)
	if findings.Err() != nil {
		return &faultyFlag{findings}
	}
	findings.Render(s.err, s.errColor)
	k.knock = &lang.Knock{Steps: steps}
	return nil
}

func (k *knocking) readPolicy(s *streams, name string) error {
	named := k.policy != ""
	if !named {
		k.policy = usualPolicy
	}
	src, err := s.read(k.policy)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &usageError{"there is no " + usualPolicy + " here", "name the policy with -policy, or the steps: -steps \"7001 9002\" " + k.host}
	}
	if err != nil {
		return err
	}
	policy, found := lang.Examine(src)
	if err := lang.NewFileFindings(k.policy, bytes.NewReader(src), lang.AtLeast(lang.Error, found)).Err(); err != nil {
		return err
	}
	k.knock, err = findKnock(policy, k.policy, name)
	isHost := strings.ContainsAny(name, ".:")
	if _, swapped := findKnock(policy, k.policy, k.host); err != nil && swapped == nil && isHost {
		return &usageError{"the name of the knock comes before the host", fmt.Sprintf("write them so: %s %s", k.host, name)}
	}
	return err
}

// areSteps reports whether arguments are steps.
func areSteps(args []string) bool {
	_, found := lang.ParseSteps([]byte(strings.Join(args, " ")))
	return !lang.HasErrors(found)
}

func findKnock(policy *lang.Policy, file, name string) (*lang.Knock, error) {
	var names []string
	for _, k := range policy.Knocks {
		if k.Name.Text == name {
			return k, nil
		}
		names = append(names, k.Name.Text)
	}
	message := fmt.Sprintf("there is no knock %s in %s", lang.Quote(name), file)
	if near := lang.Nearest(name, names); near != "" {
		message += fmt.Sprintf(", did you mean `%s`?", near)
	}
	return nil, errors.New(message)
}

// sequence is what is sent.
func (k *knocking) sequence() knock.Sequence {
	q := knock.Sequence{Steps: k.knock.Steps, Within: k.knock.Within, Total: k.knock.Total}
	if k.knock.CodeStep() >= 0 {
		q.Secret = &knock.Secret{Key: k.key, Knock: k.knock.Name.Text, Period: k.knock.Period}
	}
	return q
}

// checkDelay chooses the delay if none is given.
func (k *knocking) checkDelay() error {
	usual, longest := k.sequence().Delay(), k.sequence().LongestDelay()
	switch {
	case k.delay == nil:
		k.delay = &usual
	case *k.delay > longest:
		return &usageError{
			message: fmt.Sprintf("a delay of %s is too long for these steps", lang.FormatDuration(*k.delay)),
			hint:    fmt.Sprintf("the longest possible delay is %s, if no packet is late", lang.FormatDuration(longest)),
		}
	}
	return nil
}

// tcpServices are the services of the knock that a client can connect to.
func (k *knocking) tcpServices() []lang.Service {
	return slices.DeleteFunc(slices.Clone(k.knock.Services), func(s lang.Service) bool { return s.Proto != lang.TCP })
}
