package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"example.org/knockc/report"
	"example.org/knockc/sim/session"
	"example.org/knockc/timeline"
)

// simOutput is a file that sim writes besides what it prints.
type simOutput struct {
	flag, file string
	kind       string // what such a file is
	begin      string // how it begins
	reporter   session.Reporter
	content    func() ([]byte, error) // nil: there is to be no file
}

// setOutput is the value of a flag that names such a file.
func setOutput(file *string, example string) func(string) error {
	return func(text string) error {
		if text == "" || text == stdio || isTrace(text) {
			return fmt.Errorf("wanted a file for the results: write for example %s", example)
		}
		*file = text
		return nil
	}
}

// outputs are those that were asked for.
func (o *simOptions) outputs() (all []simOutput) {
	page := o.html
	if page == "" {
		page = o.htmlFailed
	}
	if o.junit != "" {
		junit := &report.JUnit{Page: page, FailedOnly: o.html == ""}
		all = append(all, simOutput{"junit", o.junit, "XML", "<?xml", junit, func() ([]byte, error) { return junit.XML(), nil }})
	}
	for _, p := range []struct {
		flag, file string
		failed     bool
	}{{"html", o.html, false}, {"html-failed", o.htmlFailed, true}} {
		if p.file == "" {
			continue
		}
		c := &timeline.Collector{FailedOnly: p.failed}
		all = append(all, simOutput{p.flag, p.file, "HTML", "<!DOCTYPE html>", c, func() ([]byte, error) {
			if p.failed && len(c.Report.Traces) == 0 {
				return nil, nil
			}
			var b bytes.Buffer
			err := c.Report.WriteHTML(&b, "knockc sim")
			return b.Bytes(), err
		}})
	}
	return all
}

// refuse finds that an output would overwrite something else. The names are those of all
// that is read.
func (out simOutput) refuse(names []string) error {
	for _, name := range names {
		if sameFile(name, out.file) {
			return usagef("-%s would overwrite %s", out.flag, name)
		}
	}
	if begin := beginOf(out.file, len(out.begin)); begin != "" && begin != out.begin {
		return usagef("-%s would overwrite %s, which is not %s", out.flag, out.file, out.kind)
	}
	return nil
}

// write writes an output, unless it would overwrite a policy that a trace has named.
func (out simOutput) write(s *streams, policies []*session.Policy) error {
	for _, p := range policies {
		if sameFile(p.File, out.file) {
			return &usageError{fmt.Sprintf("sim: -%s would overwrite the policy %s", out.flag, p.File), "give the results a file of their own"}
		}
	}
	content, err := out.content()
	switch {
	case err != nil:
		return err
	case content == nil:
		if err := os.Remove(out.file); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("cannot remove %s: %w", out.file, reason(err))
		}
		return nil
	case out.kind == "HTML": // it has the policy
		return s.write(out.file, content, 0o600)
	}
	return s.write(out.file, content, 0o644)
}

// beginOf is the beginning of a regular file, as long as that; "" if there is none.
func beginOf(name string, length int) string {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	begin := make([]byte, length)
	n, _ := io.ReadFull(f, begin)
	return string(begin[:n])
}
