package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// draft is a policy to be.
type draft struct {
	name  string
	steps int
	code  bool   // the only step has a one-time code
	key   string // the name of its file
}

// maxDrafts bounds how often ports are drawn until check finds nothing.
const maxDrafts = 1000

// policy writes the policy, so that check finds nothing in it.
func (d draft) policy(services []string) (string, *lang.Policy, error) {
	guarded := []byte(strings.Join(services, " "))
	parsed, found := lang.ParseServices(guarded)
	if findings := lang.NewFileFindings("SERVICE", bytes.NewReader(guarded), found); findings.Err() != nil {
		return "", nil, &faultyFlag{findings}
	}
	taken := func(port uint16) bool {
		return slices.ContainsFunc(parsed, func(s lang.Service) bool { return s.First <= port && port <= s.Last })
	}
	for try := 1; ; try++ {
		ports := drawPorts(d.count(), taken)
		if ports == nil {
			return "", nil, errNoPorts
		}
		text := d.text(ports, lang.List(parsed))
		policy, found := examine([]byte(text))
		if found = lang.AtLeast(lang.Warning, found); len(found) == 0 {
			return text, policy, nil
		}
		if try == maxDrafts {
			return "", nil, cmp.Or(lang.NewFileFindings(d.name+".knock", strings.NewReader(text), found).Err(), errNoPorts)
		}
	}
}

// count is how many ports there are.
func (d draft) count() int {
	if d.code {
		return 1
	}
	return d.steps
}

func (d draft) text(ports []uint16, services string) string {
	var b strings.Builder
	b.WriteString("# The guarded ports answer as closed ports do. If a firewall makes those of this host\n# silent, leave out the next line.\nrefuse reject\n\n")
	fmt.Fprintf(&b, "knock %s <", d.name)
	for _, port := range ports {
		step := lang.Step{Proto: lang.TCP, Port: port}
		if d.code {
			step = lang.Step{Proto: lang.UDP, Port: port, Code: true}
		}
		b.WriteString(" " + step.String())
	}
	fmt.Fprintf(&b, " ->%s", services)
	if d.code {
		fmt.Fprintf(&b, " key \"%s\" grant 30s >\n", d.key)
	} else {
		b.WriteString(" within 5s grant 30s reset any >\n")
	}
	if formatted, found := lang.Format([]byte(b.String())); !lang.HasErrors(found) {
		return string(formatted)
	}
	return b.String()
}

// errNoPorts says that services take up too many ports.
var errNoPorts = errors.New("no ports are left for the steps about which `knockc check` has nothing to say")

// drawPorts draws ports, all different, of which none is taken; nil if there are too few. They
// are above those for which a program must be root, and below those that the host gives to
// its own programs.
func drawPorts(n int, taken func(uint16) bool) (ports []uint16) {
	const first, last = 1024, 32767
	for range maxDrafts * (n + 1) {
		number, err := rand.Int(rand.Reader, big.NewInt(last-first+1))
		if err != nil {
			panic(err) // never, see crypto/rand
		}
		port := uint16(first + number.Int64())
		if !taken(port) && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
		if len(ports) == n {
			return ports
		}
	}
	return nil
}

// withOtherPorts is a policy in which the ports of a knock are others, so that check finds
// no more than before. Pings and steps with a one-time code stay.
func withOtherPorts(src []byte, policy *lang.Policy, k *lang.Knock) ([]byte, error) {
	var ports []lang.Step
	for _, step := range k.Steps {
		if !step.Code && step.Proto != lang.Ping {
			ports = append(ports, step)
		}
	}
	switch {
	case len(ports) == 0 && k.CodeStep() >= 0:
		return nil, errors.New("this knock has no ports to replace: a new key gives it other codes, see `knockc help key`")
	case len(ports) == 0:
		return nil, errors.New("this knock has no ports to replace")
	}
	warnings := func(src []byte) int {
		_, found := examine(src)
		return len(lang.AtLeast(lang.Warning, found))
	}
	before := warnings(src)
	for range maxDrafts {
		others := drawPorts(len(ports), named(policy))
		if others == nil {
			break
		}
		text := replaced(src, ports, others)
		if warnings(text) <= before {
			return text, nil
		}
	}
	return nil, errNoPorts
}

// named reports whether a policy has a port as a step or service.
func named(policy *lang.Policy) func(port uint16) bool {
	var services []lang.Service
	var steps []lang.Step
	for _, o := range policy.Settings.Open {
		services = append(services, o.Services...)
	}
	for _, k := range policy.Knocks {
		services, steps = append(services, k.Services...), append(steps, k.AllSteps()...)
	}
	return func(port uint16) bool {
		return slices.ContainsFunc(services, func(s lang.Service) bool { return s.First <= port && port <= s.Last }) ||
			slices.ContainsFunc(steps, func(s lang.Step) bool { return s.Port == port })
	}
}

// replaced is a text in which steps have other ports.
func replaced(src []byte, steps []lang.Step, ports []uint16) []byte {
	var text []byte
	at := 0
	for i, step := range steps {
		text = append(text, src[at:step.Span.Start.Offset]...)
		at = step.Span.End.Offset
		step.Port = ports[i]
		text = append(text, step.String()...)
	}
	return append(text, src[at:]...)
}
