package main

import (
	"knockc/compiler"
	"knockc/lang"
)

// compile compiles the text of a policy. Findings as bad as worst or worse are
// shown as being about the named file; if one is an error, the result is nil and
// the error errInput.
func (s *streams) compile(name string, src []byte, worst lang.Severity) (*lang.Policy, *compiler.Result, error) {
	policy, found := lang.Examine(src)
	var result *compiler.Result
	if !lang.HasErrors(found) {
		var more []lang.Finding
		result, more = compiler.Compile(policy)
		found = append(found, more...)
	}
	s.report(s.err, name, src, atLeast(worst, found))
	if result == nil {
		return nil, nil, inputFault(name, atLeast(lang.Error, found))
	}
	return policy, result, nil
}
