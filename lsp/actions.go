package lsp

import (
	"fmt"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// acting offers what mends the findings in a range, or silences them.
func acting(a asked, p rangeParams) ([]codeAction, error) {
	all := []codeAction{}
	d := a.of(p.TextDocument)
	if d == nil {
		return all, nil
	}
	policy, found := d.examined()
	if d.trace {
		found = d.traceFindings()
	}
	start, end := d.offset(p.Range.Start), d.offset(p.Range.End)
	for _, f := range found {
		if f.Span.End.Offset < start || end < f.Span.Start.Offset {
			continue
		}
		if f.Fix != (lang.Edit{}) {
			edit := textEdit{d.rangeOf(f.Fix.Span), f.Fix.Text}
			all = append(all, d.action(f.Message+": "+f.Hint, true, edit))
		}
		if policy != nil && f.Severity != lang.Error {
			all = append(all, d.silencing(policy, f))
		}
	}
	return all, nil
}

func (d *document) action(title string, preferred bool, edit textEdit) codeAction {
	return codeAction{title, "quickfix", preferred, workspaceEdit{map[string][]textEdit{d.uri: {edit}}}}
}

// traceFindings are those about the text of a trace.
func (d *document) traceFindings() []lang.Finding {
	r := trace.NewReader(d.reader())
	for r.Next() != nil {
	}
	return r.Findings()
}

// silencing puts a comment above the declaration that a finding is about, for its author to
// say why.
func (d *document) silencing(policy *lang.Policy, f lang.Finding) codeAction {
	line := d.position(declaration(policy, f.Span.Start.Offset)).Line
	indent := d.line(line)
	indent = indent[:len(indent)-len(strings.TrimLeft(indent, " \t"))]
	comment := fmt.Sprintf("%s# knockc:ignore %s say why\n", indent, f.Code)
	at := position{line, 0}
	return d.action(fmt.Sprintf("Ignore %s here, and say why", f.Code), false, textEdit{textRange{at, at}, comment})
}

// settingsOf are the places of all settings; there may be several `open`.
func settingsOf(policy *lang.Policy) (all []lang.Span) {
	for _, at := range policy.Settings.Given {
		all = append(all, at)
	}
	for _, o := range policy.Settings.Open {
		all = append(all, o.Span)
	}
	return all
}

// declaration is where the declaration around an offset begins, or else the offset.
func declaration(policy *lang.Policy, offset int) int {
	for _, k := range policy.Knocks {
		if within(k.Span, offset) {
			return k.Span.Start.Offset
		}
	}
	begin := -1
	for _, at := range settingsOf(policy) {
		if at.Start.Offset <= offset {
			begin = max(begin, at.Start.Offset)
		}
	}
	if begin < 0 {
		return offset
	}
	return begin
}
