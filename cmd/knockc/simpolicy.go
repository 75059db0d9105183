package main

import (
	"path/filepath"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// simPolicy is a policy that traces run against.
type simPolicy struct {
	file   string
	result *compiler.Result
	cover  *replay.Cover // nil: nobody asked for it yet
	fault  error         // why there is no result
}

// covering is the policy's cover.
func (p *simPolicy) covering() *replay.Cover {
	if p.cover == nil {
		p.cover = replay.NewCover(p.result.Policy)
	}
	return p.cover
}

// policies finds the policies of traces, and compiles each once.
type policies struct {
	*streams
	only    *simPolicy // the one given with -policy; nil: each trace has its own
	byFile  map[string]*simPolicy
	inOrder []*simPolicy
}

// newPolicies compiles the policy that is given for all traces, if its name is not "".
func newPolicies(s *streams, file string) (*policies, error) {
	p := &policies{streams: s, byFile: map[string]*simPolicy{}}
	if file == "" {
		return p, nil
	}
	src, err := s.read(file)
	if err != nil {
		return nil, err
	}
	p.only, err = p.add(file, src)
	return p, err
}

func (p *policies) add(file string, src []byte) (*simPolicy, error) {
	_, result, err := p.compile(file, src, lang.Error)
	if err != nil {
		return nil, err
	}
	policy := &simPolicy{file: file, result: result}
	p.inOrder = append(p.inOrder, policy)
	return policy, nil
}

// of is the policy of a trace, compiled. What is wrong with it is told once.
func (p *policies) of(traceName string, t *trace.Trace) (*simPolicy, error) {
	if p.only != nil {
		return p.only, nil
	}
	file := policyFile(traceName, t)
	key, err := filepath.Abs(file)
	if err != nil {
		key = file
	}
	known := p.byFile[key]
	if known == nil {
		known = p.read(file)
		p.byFile[key] = known
	}
	return known, known.fault
}

// read reads and compiles a policy, and tells what is wrong with it.
func (p *policies) read(file string) *simPolicy {
	src, err := readFile(file)
	if err != nil {
		p.tell(err)
		return &simPolicy{file: file, fault: &toldError{errSystem, err}}
	}
	policy, err := p.add(file, src)
	if err != nil {
		return &simPolicy{file: file, fault: err}
	}
	return policy
}

// policyFile is the policy that a trace names, or the one beside it.
func policyFile(traceName string, t *trace.Trace) string {
	file := "policy.knock"
	if t.Policy != nil {
		file = t.Policy.File
	}
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(traceName), file)
}
