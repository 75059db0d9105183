package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// Policy is a policy that traces run against.
type Policy struct {
	File   string
	Text   string
	Result *compiler.Result
	Cover  *replay.Cover // nil: it was not asked for
	err    error         // why there is no result

	isPolicy bool // there is a knock in the file
}

// covering is the policy's cover.
func (p *Policy) covering() *replay.Cover {
	if p.Cover == nil {
		p.Cover = replay.NewCover(p.Result.Policy)
	}
	return p.Cover
}

// MetEnough reports whether packets have met the wanted percentage of the policy.
func (p *Policy) MetEnough(wanted *float64) bool {
	return wanted == nil || p.Cover == nil || p.Cover.Percent() >= *wanted
}

// Policies finds the policies of traces, and compiles each once.
type Policies struct {
	Open    func(name string) (io.ReadCloser, error) // nil: [OpenRegular]
	only    *Policy                                  // that of all traces; nil: each has its own
	byFile  map[string]*Policy                       // by absolute path
	inOrder []*Policy
}

// useOnly makes all traces run against the policy in a file, unless its name is "".
func (p *Policies) useOnly(open func(string) (io.ReadCloser, error), file string) error {
	if file == "" {
		return nil
	}
	p.only = p.read(open, file)
	return p.only.err
}

// Of is the policy that a trace names, or the one in the folder of the trace; named is
// nil if it names none. The error of a policy is the same value each time.
func (p *Policies) Of(traceName string, named *trace.Policy) (*Policy, error) {
	if p.only != nil {
		return p.only, nil
	}
	file := PolicyFile(traceName, named)
	key, err := filepath.Abs(file)
	if err != nil {
		key = file
	}
	known := p.byFile[key]
	if known == nil {
		if p.byFile == nil {
			p.byFile = map[string]*Policy{}
		}
		known = p.readNamed(file)
		p.byFile[key] = known
	}
	return known, known.err
}

// readNamed is read for a file that a trace names. The trace may come from someone else,
// so the file may be anything, such as a secret.
func (p *Policies) readNamed(file string) *Policy {
	open := p.Open
	if open == nil {
		open = OpenRegular
	}
	known := p.read(open, file)
	if !known.isPolicy {
		known.err = notAPolicy(file, known.err)
	}
	return known
}

// notAPolicy is the error for a file without a knock. It quotes nothing of the file.
func notAPolicy(file string, err error) error {
	var faulty *lang.FileFindings
	if !errors.As(err, &faulty) {
		return err
	}
	begin := lang.Pos{Line: 1, Column: 1}
	return lang.NewFileFindings(file, strings.NewReader(""), []lang.Finding{{
		Severity: lang.Error, Span: lang.Span{Start: begin, End: begin},
		Message: "this file, which the trace names as its policy, has no knock that can be read",
		Hint:    "to see why, check it by itself",
	}})
}

// read reads and compiles a policy.
func (p *Policies) read(open func(string) (io.ReadCloser, error), file string) *Policy {
	src, err := readPolicy(open, file)
	if err != nil {
		return &Policy{File: file, err: err}
	}
	policy, found := lang.Errors(src)
	var result *compiler.Result
	if !lang.HasErrors(found) {
		var more []lang.Finding
		result, more = compiler.Compile(policy)
		found = append(found, more...)
	}
	known := &Policy{File: file, Text: string(src), Result: result, isPolicy: len(policy.Knocks) > 0}
	if result == nil {
		known.err = lang.NewFileFindings(file, bytes.NewReader(src), lang.AtLeast(lang.Error, found))
		return known
	}
	p.inOrder = append(p.inOrder, known)
	return known
}

func readPolicy(open func(string) (io.ReadCloser, error), name string) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, lang.MaxPolicy+1))
	if err != nil {
		return nil, readError(name, err)
	}
	return src, nil
}

// PolicyFile is the file of the policy that a trace names, or of the one in the folder
// of the trace.
func PolicyFile(traceName string, named *trace.Policy) string {
	file := "policy.knock"
	if named != nil {
		file = named.File
	}
	if filepath.IsAbs(file) {
		return file
	}
	if file = filepath.Join(filepath.Dir(traceName), file); file == stdin {
		return "./" + file
	}
	return file
}

// readError is an error without the file's name in it twice.
func readError(name string, err error) error {
	if name == stdin {
		name = "standard input"
	}
	return fmt.Errorf("cannot read %s: %w", name, reason(err))
}
