package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// testsOf is a trace that tests a new knock: who knocks gets in for as long as the grant
// lasts, and nobody else does. named is the line that names the policy.
func testsOf(k *lang.Knock, policy, named string) string {
	t := &testLines{knock: k}
	fmt.Fprintf(&t.text, "# Tests of %s. Without its line `refuse reject`, write drop here for reject.\n%s", policy, named)
	const client, other = "192.0.2.7", "198.51.100.1"
	t.part("Without a knock, all is shut.", "0s")
	t.visit(client, "reject")
	if k.CodeStep() < 0 {
		t.part("A wrong attempt between the steps puts its sender back to the beginning.", "5s")
		t.steps(client, k.Steps[:len(k.Steps)-1])
		t.packet(client, strconv.Itoa(t.otherPort()), "pass")
		t.steps(client, k.Steps[len(k.Steps)-1:])
		t.visit(client, "reject")
	}
	if k.CodeStep() >= 0 {
		t.part("A one-time code opens it, for its sender and nobody else.", "10s")
	} else {
		t.part("The steps in their order open it, for their sender and nobody else.", "10s")
	}
	t.steps(client, k.Steps)
	t.visit(client, "accept")
	t.visit(other, "reject")
	if k.CodeStep() >= 0 {
		t.part("Who sends a copy of the code does not get in.", "+5s")
		t.steps(other, k.Steps)
	} else {
		t.part("Steps in another order do not open it.", "+5s")
		wrong := slices.Clone(k.Steps)
		slices.Reverse(wrong)
		t.steps(other, wrong)
	}
	t.visit(other, "reject")
	t.part("After "+lang.FormatDuration(k.Grant)+" it is shut again.", "+1m")
	t.visit(client, "reject")
	t.part("IPv6 is the same.", "+1m")
	t.steps("2001:db8::7", k.Steps)
	t.visit("2001:db8::7", "accept")
	formatted, _ := trace.Format([]byte(t.text.String()))
	return string(formatted)
}

type testLines struct {
	knock *lang.Knock
	text  strings.Builder
	next  string // when the next packet comes
}

// part begins a part of the trace at a time.
func (t *testLines) part(title, at string) {
	fmt.Fprintf(&t.text, "\n# %s\n", title)
	t.next = at
}

func (t *testLines) steps(source string, steps []lang.Step) {
	for _, step := range steps {
		if step.Code {
			t.packet(source, fmt.Sprintf("udp/%d otp %s", step.Port, t.knock.Name.Text), "pass")
		} else {
			t.packet(source, step.String(), "pass")
		}
	}
}

// visit asks for the services.
func (t *testLines) visit(source, verdict string) {
	for _, service := range t.knock.Services {
		service.Last = service.First
		t.packet(source, service.String(), verdict)
	}
}

// otherPort is a TCP port that is nothing to the knock.
func (t *testLines) otherPort() int {
	for port := 81; ; port++ {
		isStep := slices.ContainsFunc(t.knock.Steps, func(s lang.Step) bool { return int(s.Port) == port })
		if !isStep && !slices.ContainsFunc(t.knock.Services, func(s lang.Service) bool { return s.Has(lang.TCP, uint16(port)) }) {
			return port
		}
	}
}

func (t *testLines) packet(source, to, verdict string) {
	fmt.Fprintf(&t.text, "%-7s %s -> %s => %s\n", t.next, source, to, verdict)
	t.next = "+200ms"
}
