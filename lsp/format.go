package lsp

import (
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// formatting brings a document into canonical form. One with errors stays as it is.
func formatting(a asked, p documentParams) ([]textEdit, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return []textEdit{}, nil
	}
	format := lang.Format
	if d.trace {
		format = trace.Format
	}
	after, _ := format([]byte(d.src))
	if after == nil {
		return []textEdit{}, nil
	}
	return d.edits(string(after)), nil
}
