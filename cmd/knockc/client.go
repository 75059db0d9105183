package main

import (
	"flag"

	"example.org/knockc/lang"
)

var clientCommand = &command{
	name:  "client",
	usage: "[-format FORMAT] [-policy FILE] [-key FILE] [-delay TIME] KNOCK HOST | -steps STEPS [FLAGS] HOST",
	short: "print commands that knock without knockc",
	long: `
Client prints commands that knock on machines without knockc, each with a heading. You
can paste them into a shell, or into ~/.ssh/config. Client sends nothing.

    knockc client -policy policy.knock ssh host.example

With -format, client prints one form alone, without a heading:

` + clientFormTable() + `
The output contains the steps, and the key if a step needs a one-time code: keep it as
secret as they are. ` + "`knockc help client.md`" + ` has the details.`,
	choices: map[string][]string{"format": formNames(clientForms)},
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		c := &clientRun{}
		c.declare(flags)
		flags.StringVar(&c.format, "format", "", "print only this `FORMAT` (see above)")
		return c.run
	},
}

// clientRun is one run of the command.
type clientRun struct {
	knocking
	format string // "": all forms
}

func (c *clientRun) run(s *streams, args []string) error {
	var form *clientForm
	if c.format != "" {
		var err error
		if form, err = findClientForm(c.format); err != nil {
			return err
		}
	}
	if err := c.read(s, args); err != nil {
		return err
	}
	if form != nil {
		return form.alone(s, &c.knocking)
	}
	allForms(s, &c.knocking)
	return nil
}

// sshPort is where ssh is most likely: at port 22 if the knock guards that or says
// nothing, else at its first TCP service; 0 if there is none.
func (k *knocking) sshPort() uint16 {
	const usual = 22
	services := k.tcpServices()
	switch {
	case k.steps != nil:
		return usual
	case len(services) == 0:
		return 0
	}
	for _, service := range services {
		if service.Has(lang.TCP, usual) {
			return usual
		}
	}
	return services[0].First
}
