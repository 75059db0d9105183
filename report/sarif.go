package report

import (
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"example.org/knockc/lang"
)

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

// FindingsSARIF writes one document for all files, which names the version of the tool.
func FindingsSARIF(version string) FindingsWriter {
	return func(w io.Writer, all []*lang.FileFindings) error {
		return WriteIndentedJSON(w, sarif(version, all))
	}
}

func sarif(version string, all []*lang.FileFindings) sarifLog {
	level := map[lang.Severity]string{lang.Error: "error", lang.Warning: "warning", lang.Info: "note"}
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "knockc", Version: version}
	for _, m := range lang.Codes {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{m.Code, sarifText{m.Title}, sarifConfig{level[m.Severity]}})
	}
	for _, f := range all {
		uri := (&url.URL{Path: filepath.ToSlash(f.File)}).String()
		for _, x := range f.Findings {
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
	return sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}
