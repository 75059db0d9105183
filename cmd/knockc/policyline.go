package main

import (
	"fmt"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// policyLine is the line of a trace that names its policy, in quotes if it needs them.
func policyLine(file string) (string, error) {
	for _, text := range []string{file, `"` + file + `"`} {
		line, found := trace.Format([]byte("policy " + text + "\n"))
		read, _ := trace.Parse(line)
		if len(found) == 0 && read.Policy != nil && read.Policy.File == file {
			return string(line), nil
		}
	}
	return "", fmt.Errorf(`a trace cannot name the policy %s: leave quotes, line breaks and what is no UTF-8 out of its name`, lang.Printable(file))
}
