package main

import (
	"slices"

	"knockc/lang/trace"
)

// refuse finds what makes no sense of what is asked for, before anything is replayed,
// printed or written. The names are those of all traces, the chosen ones of those that
// will be replayed.
func (r *simulation) refuse(names, chosen []string) error {
	if err := r.refuseStdin(chosen); err != nil {
		return err
	}
	if r.junit != nil {
		for _, name := range append([]string{r.policy}, names...) {
			if sameFile(name, *r.junit) {
				return usagef("-junit would overwrite %s", name)
			}
		}
	}
	if r.hz == 0 && r.junit == nil {
		return nil
	}
	for _, name := range names {
		isChosen := slices.Contains(chosen, name)
		if !isChosen && (r.junit == nil || name == stdio) {
			continue
		}
		if err := r.refuseTrace(name, isChosen); err != nil {
			return err
		}
	}
	return nil
}

// refuseStdin holds standard input to be read once.
func (r *simulation) refuseStdin(chosen []string) error {
	taken := r.policy == stdio
	for _, name := range chosen {
		if name == stdio && taken {
			return usagef("standard input can be read only once")
		}
		taken = taken || name == stdio
	}
	return nil
}

// refuseTrace looks into a trace or capture, which is to be replayed if it is chosen.
func (r *simulation) refuseTrace(name string, chosen bool) error {
	in, err := r.open(name)
	if err != nil {
		if chosen {
			r.kept[name] = kept{err: err} // to be told in its turn
		}
		return nil
	}
	if in.regular || !chosen {
		defer in.Close()
	} else {
		r.kept[name] = kept{in: in}
	}
	isCapture := in.isCapture()
	if r.hz != 0 && isCapture && chosen {
		return usagef("-hz is for traces: the packets of the capture %s have met a clock already", name)
	}
	if r.junit == nil {
		return nil
	}
	var t trace.Trace
	if !isCapture {
		t.Policy = in.policy()
	}
	if file := policyFile(name, &t); sameFile(file, *r.junit) {
		return usagef("-junit would overwrite %s, the policy of %s", file, name)
	}
	return nil
}

// kept is an input that can be opened only once, and was.
type kept struct {
	in  *input
	err error
}

// open opens a trace or a capture.
func (r *simulation) open(name string) (*input, error) {
	if k, ok := r.kept[name]; ok {
		delete(r.kept, name)
		return k.in, k.err
	}
	return r.openInput(name)
}
