package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"example.org/knockc/knock"
	"example.org/knockc/lang"
)

var knockCommand = &command{
	name:  "knock",
	usage: "[-policy FILE] [-key FILE] [-verify] [FLAGS] KNOCK HOST | -steps STEPS [FLAGS] HOST",
	short: "knock at a host",
	long: `
Knock sends the steps of a knock to a host and prints what it sent. It needs no
privileges.

    knockc knock -policy policy.knock ssh host.example
    knockc knock -steps "10000 2345 udp/3456" host.example

Knock does not wait for answers. With -verify, knock then connects to the first TCP
service of the knock and says whether the service is open. If the service is closed,
knock sends the steps again with twice the delay, up to three times in all. The exit
status is 1 if the service stays closed. A service that no rules guard is open too: to
test the rules, connect once without a knock first.

With -steps, knockc does not know the services. -verify then needs -service:

    knockc knock -verify -service 22 -steps "10000 2345 udp/3456" host.example

A step such as otp/62201 needs the key of the host: the file that the policy names, or
the one that -key gives. A host takes one code in each period, so -verify waits for the
next period before it knocks again. With -steps, the codes also need the name of the
knock:

    knockc knock -steps "7000 otp/62201" -key ssh.key -name ssh host.example

If a host has IPv4 and IPv6 addresses, knock sends all steps to one address, the one
that the system prefers. With -verify, the second try uses the other family.

` + "`knockc help client.md`" + ` has the details, also for clients behind NAT.`,
	choices: map[string][]string{"family": {"4", "6", "any"}},
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		v := &visit{network: knock.AnyFamily}
		v.declare(flags)
		flags.Func("family", "use only addresses of this `FAMILY`: 4, 6 or any", v.setFamily)
		flags.BoolVar(&v.verify, "verify", false, "connect to the service after the knock, and knock again if it is closed")
		flags.Func("service", "with -verify: connect to TCP `PORT`; needed with -steps", v.setService)
		return v.run
	},
}

// visit is one run of the command.
type visit struct {
	knocking
	network string
	verify  bool
	service uint16 // 0: the first TCP service
}

func (v *visit) setFamily(text string) error {
	network, ok := map[string]string{"4": knock.IPv4, "6": knock.IPv6, "any": knock.AnyFamily}[text]
	if !ok {
		return errors.New("expected 4, 6 or any")
	}
	v.network = network
	return nil
}

func (v *visit) setService(text string) error {
	port, problem := lang.ParsePort(strings.TrimPrefix(text, "tcp/"))
	if problem != "" {
		return errors.New("it " + problem)
	}
	v.service = port
	return nil
}

func (v *visit) run(s *streams, args []string) error {
	if v.service != 0 && !v.verify {
		return usagef("-service needs -verify")
	}
	if err := v.read(s, args); err != nil {
		return err
	}
	if v.verify {
		if err := v.chooseService(); err != nil {
			return err
		}
	}
	addrs, err := v.addresses()
	if err != nil {
		return err
	}
	return v.knockAt(s, addrs)
}

// chooseService finds the service to connect to, or what stands against it.
func (v *visit) chooseService() error {
	services, name := v.tcpServices(), v.knock.Name.Text
	switch {
	case v.knock.Once:
		return &usageError{fmt.Sprintf("knock `%s` lets in one connection, which -verify would use up", name), "leave -verify out"}
	case v.steps != nil && v.service == 0:
		return &usageError{"-steps does not say which service -verify should connect to", "add -service PORT, for example -service 22"}
	case v.steps != nil:
		return nil
	case len(services) == 0:
		return &usageError{fmt.Sprintf("knock `%s` guards only UDP services, which do not show whether they are open", name), "leave -verify out"}
	case v.service == 0:
		v.service = services[0].First
		return nil
	}
	for _, service := range services {
		if service.Has(lang.TCP, v.service) {
			return nil
		}
	}
	return usagef("TCP port %d is not a service of knock `%s`", v.service, name)
}

// addresses are those of the host that can be knocked at. If there is none, the
// error is about the one that the system prefers.
func (v *visit) addresses() ([]netip.Addr, error) {
	all, err := knock.Lookup(context.Background(), v.network, v.host)
	var ready []netip.Addr
	for _, addr := range all {
		unready := v.sequence().Ready(addr)
		if unready == nil {
			ready = append(ready, addr)
		} else if err == nil {
			err = unready
		}
	}
	if len(ready) == 0 {
		return nil, err
	}
	return ready, nil
}

// maxTries is how often -verify knocks.
const maxTries = 3

// knockAt knocks once, or with -verify until the door is open.
func (v *visit) knockAt(s *streams, addrs []netip.Addr) error {
	delay := *v.delay
	for try := range maxTries {
		addr := addrs[try%len(addrs)]
		if err := v.send(s, addr, delay); err != nil || !v.verify {
			return err
		}
		sent := time.Now()
		if v.isOpen(s, addr) {
			return nil
		}
		delay = v.sequence().Slower(delay)
		if try+1 < maxTries {
			v.waitForCode(s, sent)
		}
	}
	return errInput
}

// waitForCode waits until another code can be sent, if the steps need one.
func (v *visit) waitForCode(s *streams, sent time.Time) {
	secret := v.sequence().Secret
	if secret == nil {
		return
	}
	if left := time.Until(secret.Next(sent)); left > 0 {
		fmt.Fprintf(s.out, "waiting %s for the next code\n", lang.FormatDuration(left.Truncate(time.Second)+time.Second))
		s.out.Flush()
		time.Sleep(left)
	}
}

func (v *visit) send(s *streams, addr netip.Addr, delay time.Duration) error {
	if err := v.sequence().Send(addr, delay); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "sent to %s, %s apart:", addr, lang.FormatDuration(delay))
	for _, step := range v.knock.Steps {
		fmt.Fprintf(s.out, " %s", step)
	}
	fmt.Fprintln(s.out)
	return s.out.Flush()
}

// isOpen says whether the service is open, and tells.
func (v *visit) isOpen(s *streams, addr netip.Addr) bool {
	name := ""
	if v.steps == nil {
		name = v.knock.Name.Text + " at "
	}
	open := knock.Open(netip.AddrPortFrom(addr, v.service))
	fmt.Fprintf(s.out, "%s%s port %d: %s\n", name, addr, v.service, map[bool]string{true: "open", false: "still closed"}[open])
	s.out.Flush()
	return open
}
