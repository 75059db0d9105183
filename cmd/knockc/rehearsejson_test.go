//go:build linux

package main

import (
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live/rehearse"
)

// TestRehearsalJSON: a rehearsal is printed as the schema says, with all that it names.
func TestRehearsalJSON(t *testing.T) {
	by := &rehearse.Rule{Table: "inet filter", Chain: "input", Rule: "policy drop"}
	service := lang.Service{Proto: lang.UDP, First: 53, Last: 60}
	r := &rehearse.Report{
		Checks: []rehearse.Check{
			{Knock: "dns", Service: service, Asks: rehearse.Stranger, Answer: rehearse.Good},
			{Knock: "dns", Service: service, Asks: rehearse.Steps, Why: "it cannot be told"},
			{Knock: "dns", Service: service, Asks: rehearse.Service, Answer: rehearse.Bad, By: by, Why: "stays shut after the knock", Hint: "udp dport 53 accept"},
			{Knock: "dns", Service: service, Asks: rehearse.Grant, Family: compiler.IPv6, Answer: rehearse.Good},
		},
		Missing: []lang.Iface{{Name: "ens3"}}, Interfaces: []string{"lo"},
		Lost: []string{"table bridge b"}, Advice: []string{"write `refuse reject`"},
	}
	var out strings.Builder
	if err := printRehearsalJSON(&out, r); err != nil {
		t.Fatal(err)
	}
	seen := seenJSON{}
	for line := range strings.Lines(out.String()) {
		seen.add(checkJSON(t, line))
	}
	seen.hasAll(t, "rehearsed")
	seen.hasAll(t, "note")
	for i, ok := range []string{"true", "null", "false", "true", "null", "false", "true"} {
		if line := strings.Split(out.String(), "\n")[i]; !strings.Contains(line, `"ok":`+ok) {
			t.Errorf("line %d is not %s: %s", i+1, ok, line)
		}
	}
}
