package lang

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// FileFindings are the findings about one file, with the text around each. If one of
// them is an error, FileFindings is an error too, see [FileFindings.Err].
type FileFindings struct {
	File     string
	Findings []Finding
	excerpts []excerpt // of the first ones, which are shown
}

// NewFileFindings copies from the text what it needs to show the findings.
func NewFileFindings(file string, text io.ReaderAt, found []Finding) *FileFindings {
	f := &FileFindings{File: file, Findings: found}
	for _, x := range found[:min(len(found), maxShown)] {
		f.excerpts = append(f.excerpts, newExcerpt(text, x))
	}
	return f
}

// Err is f if one of the findings is an error, else nil.
func (f *FileFindings) Err() error {
	if HasErrors(f.Findings) {
		return f
	}
	return nil
}

// maxListed is how many findings the text of the error has.
const maxListed = 10

// Error has a line for each finding.
func (f *FileFindings) Error() string {
	var lines []string
	for i, x := range f.Findings {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("and %d more", len(f.Findings)-i))
			break
		}
		at := x.Span.Start
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", Printable(f.File), at.Line, at.Column, x.Message))
	}
	return strings.Join(lines, "\n")
}

// maxShown is how many findings about a file are shown to a person: among them all
// errors, if reading stopped.
const maxShown = MaxErrors + 1

// Render shows the findings to a person, see [Finding.Render].
func (f *FileFindings) Render(w io.Writer, color bool) {
	for _, e := range f.excerpts {
		io.WriteString(w, e.finding.render(f.File, e.text, color))
	}
	if more := f.Findings[len(f.excerpts):]; len(more) > 0 {
		fmt.Fprintf(w, "%s: and %d more: %s\n", Printable(f.File), len(more), byCode(more))
	}
}

// byCode sums findings up.
func byCode(found []Finding) string {
	count := map[Code]int{}
	for _, f := range found {
		count[f.Code]++
	}
	var sums []string
	for _, code := range slices.Sorted(maps.Keys(count)) {
		sums = append(sums, fmt.Sprintf("%s (%d)", code, count[code]))
	}
	return strings.Join(sums, ", ")
}

// excerpt is the text around a finding, and the finding as it is in there.
type excerpt struct {
	finding Finding
	text    []byte
}

// excerptSize is how much of a text is read to show a finding, half of it before the
// finding: more than is shown.
const excerptSize = 2048

func newExcerpt(text io.ReaderAt, f Finding) excerpt {
	start := max(0, f.Span.Start.Offset-excerptSize/2)
	around := make([]byte, excerptSize)
	n, _ := text.ReadAt(around, int64(start))
	f.Span.Start.Offset = min(n, f.Span.Start.Offset-start)
	f.Span.End.Offset = max(f.Span.Start.Offset, f.Span.End.Offset-start)
	return excerpt{f, around[:n]}
}
