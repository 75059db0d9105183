package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"knockc/lang"
)

// printFindingsJSON prints one object a line.
func printFindingsJSON(w io.Writer, all []fileFindings) error {
	type object struct {
		File      string    `json:"file"`
		Line      int       `json:"line"`
		Column    int       `json:"column"`
		EndLine   int       `json:"endLine"`
		EndColumn int       `json:"endColumn"`
		Code      lang.Code `json:"code"`
		Severity  string    `json:"severity"`
		Message   string    `json:"message"`
		Hint      string    `json:"hint"`
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, f := range all {
		for _, x := range f.found {
			start, end := x.Span.Start, x.Span.End
			err := encoder.Encode(object{f.file, start.Line, start.Column, end.Line, end.Column, x.Code, x.Severity.String(), x.Message, x.Hint})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// printAnnotations prints the workflow commands of GitHub Actions, which show a
// finding beside the line that it is about.
func printAnnotations(w io.Writer, all []fileFindings) {
	command := map[lang.Severity]string{lang.Error: "error", lang.Warning: "warning", lang.Info: "notice"}
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range all {
		for _, x := range f.found {
			start, end := x.Span.Start, x.Span.End
			message := x.Message
			if x.Hint != "" {
				message += "\nhint: " + x.Hint
			}
			fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,endLine=%d,endColumn=%d,title=knockc %s::%s\n", command[x.Severity],
				property.Replace(f.file), start.Line, start.Column, end.Line, end.Column, x.Code, data.Replace(message))
		}
	}
}

// The parts of SARIF 2.1.0 (OASIS) that findings need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID          lang.Code   `json:"id"`
		Description sarifText   `json:"shortDescription"`
		Default     sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    lang.Code       `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
)

// printSARIF prints one document for all files.
func printSARIF(w io.Writer, all []fileFindings) error {
	level := map[lang.Severity]string{lang.Error: "error", lang.Warning: "warning", lang.Info: "note"}
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "knockc", Version: version}
	for _, m := range lang.Codes {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{m.Code, sarifText{m.Title}, sarifConfig{level[m.Severity]}})
	}
	for _, f := range all {
		uri := (&url.URL{Path: filepath.ToSlash(f.file)}).EscapedPath()
		for _, x := range f.found {
			message := x.Message
			if x.Hint != "" {
				message += " (hint: " + x.Hint + ")"
			}
			start, end := x.Span.Start, x.Span.End
			index := slices.IndexFunc(lang.Codes, func(m lang.CodeMeaning) bool { return m.Code == x.Code })
			location := sarifLocation{sarifPhysical{sarifArtifact{uri}, sarifRegion{start.Line, start.Column, end.Line, end.Column}}}
			run.Results = append(run.Results, sarifResult{x.Code, index, level[x.Severity], sarifText{message}, []sarifLocation{location}})
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
