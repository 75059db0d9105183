package playground

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim/session"
	"example.org/knockc/timeline"
)

// Question is what the page has in its two fields.
type Question struct {
	Policy string `json:"policy"`
	Trace  string `json:"trace"`
}

// Reply says what is wrong with the texts, and what the trace does.
type Reply struct {
	Policy Text `json:"policy"`
	Trace  Text `json:"trace"`

	Replay *timeline.Trace      `json:"replay"` // nil if the policy has errors
	Beside []report.LineOutcome `json:"beside"` // the lines of the trace
	Knocks []timeline.Knock     `json:"knocks"`
	Missed []timeline.Miss      `json:"missed"` // what of the policy no packet has met
	Met    int                  `json:"met"`
	Of     int                  `json:"of"`

	Rules string `json:"rules"` // for `nft -f`; "" if the policy has errors
}

// Text is what is known of a text.
type Text struct {
	Findings  []Finding `json:"findings"`
	More      int       `json:"more"`      // findings that are left out
	Formatted *string   `json:"formatted"` // nil if it has errors
}

// Finding is a remark about a part of a text.
type Finding struct {
	Range
	Line     int    `json:"line"`
	Code     string `json:"code,omitempty"`
	Severity string `json:"severity"` // "error", "warning" or "info"
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Fix      *Edit  `json:"fix,omitempty"` // what the hint asks for
}

// Edit puts a text in place of a range.
type Edit struct {
	Range
	Text string `json:"text"`
}

// Range is a part of a text, in UTF-16 code units, as scripts count.
type Range struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// maxFindings is how many findings of a text are told.
const maxFindings = 200

// maxRules is how much of the rules is shown, in bytes.
const maxRules = 1 << 20

const policyFile, traceFile = "policy.knock", "policy.trace"

// Answer answers what the page asks.
func Answer(q Question) *Reply {
	a := &Reply{Beside: []report.LineOutcome{}, Knocks: []timeline.Knock{}, Missed: []timeline.Miss{}}
	policy, found := lang.Examine([]byte(q.Policy))
	var built *compiler.Result
	if !lang.HasErrors(found) {
		found = append(found, compiler.Check(policy)...)
		lang.SortFindings(found)
	}
	if !lang.HasErrors(found) {
		built, _ = compiler.Compile(policy)
	}
	a.Policy = newText(q.Policy, found, lang.Format)
	if built == nil {
		_, found := trace.Parse([]byte(q.Trace))
		a.Trace = newText(q.Trace, found, trace.Format)
		return a
	}
	a.Knocks = timeline.Knocks(policy)
	a.Rules = rules(built.Ruleset)
	a.replay(q)
	return a
}

// rules are the rules as text.
func rules(r *compiler.Ruleset) string {
	var b bytes.Buffer
	if err := r.WriteNFT(&b, nil); err != nil {
		return "# " + err.Error() + "\n"
	}
	if b.Len() <= maxRules {
		return b.String()
	}
	text := b.Bytes()[:maxRules]
	return string(text[:bytes.LastIndexByte(text, '\n')+1]) + "# ... and more: `knockc build` prints all\n"
}

// inMemory is a text as a file.
type inMemory struct{ *strings.Reader }

func (inMemory) Close() error { return nil }

// replay replays the trace, whatever name it has for the policy.
func (a *Reply) replay(q Question) {
	open := func(name string) (io.ReadCloser, error) {
		if name == policyFile {
			return inMemory{strings.NewReader(q.Policy)}, nil
		}
		return inMemory{strings.NewReader(q.Trace)}, nil
	}
	drawn, failures, beside := &timeline.Collector{}, &report.Failures{}, &report.Beside{First: 1, Last: strings.Count(q.Trace, "\n") + 1}
	ended := &ending{}
	summary, err := session.Run([]string{traceFile}, session.Options{
		Open: open, Policy: policyFile, Expiries: true, Cover: true, CoverSilently: true,
	}, report.All{drawn, failures, beside, ended})
	if err != nil {
		a.Trace = newText(q.Trace, []lang.Finding{{Severity: lang.Error, Message: err.Error()}}, trace.Format)
		return
	}
	a.Trace = newText(q.Trace, ended.findings(failures), trace.Format)
	a.Replay, a.Beside = drawn.Report.Traces[0], append(a.Beside, beside.Lines...)
	for _, p := range summary.Policies {
		if p.Cover == nil {
			continue
		}
		a.Met, a.Of = p.Cover.Met(), len(p.Cover.Items)
		for _, i := range p.Cover.Items {
			if !i.Met {
				a.Missed = append(a.Missed, timeline.Miss{Line: i.Span.Start.Line, Text: i.Missed()})
			}
		}
	}
}

// ending keeps the result of the trace.
type ending struct {
	report.All
	result *session.Result
}

func (e *ending) End(r *session.Result) { e.result = r }

// findings are those about the text of the trace, what did not hold, and what else kept it
// from being replayed.
func (e *ending) findings(failures *report.Failures) []lang.Finding {
	found := e.result.Findings
	var faulty *lang.FileFindings
	for _, err := range e.result.Errs {
		if !errors.As(err, &faulty) {
			found = append(found, lang.Finding{Severity: lang.Error, Message: strings.TrimPrefix(err.Error(), traceFile+": ")})
		}
	}
	for _, f := range failures.Lines {
		found = append(found, lang.Finding{Severity: lang.Error, Span: f.Span, Message: f.Text()})
	}
	lang.SortFindings(found)
	return found
}

func newText(src string, found []lang.Finding, format func([]byte) ([]byte, []lang.Finding)) Text {
	t := Text{Findings: []Finding{}}
	if after, _ := format([]byte(src)); after != nil {
		formatted := string(after)
		t.Formatted = &formatted
	}
	if len(found) > maxFindings {
		found, t.More = found[:maxFindings], len(found)-maxFindings
	}
	units := newUnits(src)
	for _, f := range found {
		told := Finding{Range: units.of(f.Span), Line: max(1, f.Span.Start.Line), Code: string(f.Code), Severity: fmt.Sprint(f.Severity), Message: f.Message, Hint: f.Hint}
		if f.Fix != (lang.Edit{}) {
			told.Fix = &Edit{units.of(f.Fix.Span), f.Fix.Text}
		}
		t.Findings = append(t.Findings, told)
	}
	return t
}

// units counts UTF-16 code units.
type units struct {
	src    string
	before []int // how many there are before each line
	lines  []int // the offset of each line
}

func newUnits(src string) *units {
	u := &units{src: src, before: []int{0}, lines: []int{0}}
	for line := range strings.Lines(src) {
		last := len(u.lines) - 1
		u.lines = append(u.lines, u.lines[last]+len(line))
		u.before = append(u.before, u.before[last]+lengthOf(line))
	}
	return u
}

func lengthOf(text string) int {
	n := 0
	for _, r := range text {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func (u *units) of(s lang.Span) Range {
	from := u.at(s.Start)
	return Range{from, max(from, u.at(s.End))}
}

func (u *units) at(p lang.Pos) int {
	line := min(max(p.Line-1, 0), len(u.lines)-1)
	offset := min(max(p.Offset, u.lines[line]), len(u.src))
	return u.before[line] + lengthOf(u.src[u.lines[line]:offset])
}

// Candidates are the words that can come next after the beginning of a text, without a word
// that has been begun. Those of a trace may be names of knocks of the policy.
func Candidates(inTrace bool, before, policy string) []string {
	if !inTrace {
		return lang.Candidates(before)
	}
	next := trace.Candidates(before[strings.LastIndexByte(before, '\n')+1:])
	all := next.Words
	if next.Files {
		all = append(all, policyFile)
	}
	if next.Knocks {
		examined, _ := lang.Examine([]byte(policy))
		for _, k := range examined.Knocks {
			all = append(all, k.Name.Text)
		}
	}
	return all
}
