package report

import (
	"fmt"
	"io"

	"example.org/knockc/lang"
)

// FindingsWriter writes the findings about files.
type FindingsWriter func(w io.Writer, all []*lang.FileFindings) error

// FindingsText writes findings for people.
func FindingsText(color bool) FindingsWriter {
	return func(w io.Writer, all []*lang.FileFindings) error {
		for _, f := range all {
			f.Render(w, color)
		}
		return nil
	}
}

// jsonFinding is a finding's object. Columns count characters, from 1 on.
type jsonFinding struct {
	File      string    `json:"file"`
	Line      int       `json:"line"`
	Column    int       `json:"column"`
	EndLine   int       `json:"end_line"`
	EndColumn int       `json:"end_column"`
	Code      lang.Code `json:"code"`
	Severity  string    `json:"severity"`
	Message   string    `json:"message"`
	Hint      string    `json:"hint"`
}

// FindingsJSON writes one object per line.
func FindingsJSON(w io.Writer, all []*lang.FileFindings) error {
	for _, f := range all {
		for _, x := range f.Findings {
			start, end := x.Span.Start, x.Span.End
			if err := WriteJSON(w, jsonFinding{f.File, start.Line, start.Column, end.Line, end.Column, x.Code, x.Severity.String(), x.Message, x.Hint}); err != nil {
				return err
			}
		}
	}
	return nil
}

// FindingsGitHub writes the workflow commands of GitHub Actions, which show a
// finding beside the line that it is about.
func FindingsGitHub(w io.Writer, all []*lang.FileFindings) error {
	command := map[lang.Severity]string{lang.Error: "error", lang.Warning: "warning", lang.Info: "notice"}
	for _, f := range all {
		for _, x := range f.Findings {
			start, end := x.Span.Start, x.Span.End
			message := x.Message
			if x.Hint != "" {
				message += "\nhint: " + x.Hint
			}
			_, err := fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,endLine=%d,endColumn=%d,title=knockc %s::%s\n", command[x.Severity],
				gitHubProperty.Replace(lang.Printable(f.File)), start.Line, start.Column, end.Line, end.Column, x.Code, gitHubData.Replace(printableLines(message)))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
