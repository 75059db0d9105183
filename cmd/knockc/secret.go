package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"example.org/knockc/lang"
)

// secretFlags say what one-time codes are made from. Without -steps the policy says it,
// and only the file of the key can be another one.
type secretFlags struct {
	key    string
	name   string
	period time.Duration
}

func (f *secretFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.key, "key", "", "read the key of a step such as otp/62201 from `FILE` instead of the one that the policy names")
	flags.Func("name", "with -steps: the `NAME` that the knock has in the policy of the host, which its codes depend on", f.setName)
	flags.Func("period", "with -steps: the `TIME` for which each code is (default 30s)", f.setPeriod)
}

func (f *secretFlags) setName(text string) error {
	if !lang.IsName(text) {
		return errors.New("it is not the name of a knock")
	}
	f.name = text
	return nil
}

func (f *secretFlags) setPeriod(text string) error {
	period, err := lang.ParseDuration(text, time.Second)
	switch {
	case err != nil:
		return fmt.Errorf("it %w", err)
	case period < lang.MinPeriod || period > lang.MaxPeriod:
		return errors.New("a period is 10s to 1h")
	}
	f.period = period
	return nil
}

// readSecret reads the key if a step needs a code.
func (k *knocking) readSecret(s *streams) (err error) {
	f, at := &k.secret, k.knock.CodeStep()
	fromSteps := k.steps != nil
	switch {
	case !fromSteps && (f.name != "" || f.period != 0):
		return usagef("-name and -period are for -steps: a policy says what they are")
	case at < 0 && *f != secretFlags{}:
		return &usageError{"no step needs a one-time code", "leave out -key, -name and -period"}
	case at < 0:
		return nil
	case fromSteps && (f.key == "" || f.name == ""):
		return &usageError{
			fmt.Sprintf("step `%s` needs -key and -name", k.knock.Steps[at]),
			"for example -key ssh.key -name ssh, if the knock is called ssh in the policy of the host",
		}
	case fromSteps:
		k.knock.Name.Text = f.name
		k.knock.Period = cmp.Or(f.period, lang.DefaultPeriod)
	case f.key == "":
		f.key = keyFile(k.policy, k.knock.Key)
	}
	k.key, err = s.readKey(f.key)
	return err
}

// keyFile is the file of a key that a policy names, relative to its folder.
func keyFile(policy string, key lang.KeyFile) string {
	if filepath.IsAbs(key.Path) {
		return key.Path
	}
	return filepath.Join(filepath.Dir(policy), key.Path)
}
