package main

import (
	"flag"
	"fmt"

	"example.org/knockc/lang"
)

var clientCommand = &command{
	name:  "client",
	usage: "[-policy FILE] [-key FILE] [-delay TIME] KNOCK HOST | -steps STEPS [FLAGS] HOST",
	short: "print commands that knock without knockc",
	long: `
Client prints commands that knock on machines without knockc: lines to paste into a
shell that has bash, or sh and nc, or Python 3, and into PowerShell; a command for
knock(1), the client of knockd; and an entry for ~/.ssh/config, with which ssh knocks by
itself. Client sends nothing.

    knockc client -policy policy.knock ssh host.example

The output contains the steps, and the key if a step needs a one-time code: keep it as
secret as they are. ` + "`knockc help client.md`" + ` has the details.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		k := &knocking{}
		k.declare(flags)
		return func(s *streams, args []string) error {
			if err := k.read(s, args); err != nil {
				return err
			}
			k.printForms(s)
			return nil
		}
	},
}

func (k *knocking) printForms(s *streams) {
	q, delay := k.sequence(), *k.delay
	bash, nc := "bash, and nothing else", "sh and nc"
	if q.Secret != nil {
		bash, nc = "bash and openssl", "sh, openssl and nc"
	}
	fmt.Fprintf(s.out, "# %s\n%s\n\n", bash, q.Bash(k.host, delay))
	fmt.Fprintf(s.out, "# %s\n%s\n\n", nc, q.NC(k.host, delay))
	fmt.Fprintf(s.out, "# Python 3\n%s\n\n", q.Python(k.host, delay))
	fmt.Fprintf(s.out, "# PowerShell\n%s\n\n", q.PowerShell(k.host, delay))
	if line, err := q.Debian(k.host, delay); err == nil {
		fmt.Fprintf(s.out, "# knock(1), Debian's package knockd\n%s\n", line)
	} else {
		fmt.Fprintf(s.out, "# %s\n", err)
	}
	if port := k.sshPort(); port != 0 {
		fmt.Fprintf(s.out, "\n# ~/.ssh/config, with bash: ssh knocks before it connects\n%s\n", q.MatchExec(k.host, port, delay))
		fmt.Fprintf(s.out, "\n# ~/.ssh/config, the same with sh and nc\n%s\n", q.ProxyCommand(k.host, port, delay))
	}
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
