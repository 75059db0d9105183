package main

import (
	"knockc/compiler"
	"knockc/lang"
)

// compile compiles the text of a policy. Findings are shown as being about the
// named file; if one is an error, the result is nil and the error errInput.
func (s *streams) compile(name string, src []byte) (*lang.Policy, *compiler.Result, error) {
	policy, found := examine(src)
	var result *compiler.Result
	if !lang.HasErrors(found) {
		var more []lang.Finding
		result, more = compiler.Compile(policy)
		found = append(found, more...)
	}
	s.report(s.err, name, src, found)
	if result == nil {
		return nil, nil, errInput
	}
	return policy, result, nil
}

// examine reads a policy and finds what is wrong with it, short of compiling.
func examine(src []byte) (*lang.Policy, []lang.Finding) {
	policy, found := lang.Parse(src)
	found = append(found, lang.Check(policy)...)
	lang.SortFindings(found)
	return policy, found
}
