package report

import "example.org/knockc/lang/trace"

// The colours of a terminal (ECMA-48, SGR).
const (
	boldRed = "1;31"
	red     = "31"
	green   = "32"
	yellow  = "33"
	cyan    = "36"
)

// paint gives a text a colour.
func paint(color bool, code, text string) string {
	if !color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// verdictColors are the colours of verdicts.
var verdictColors = map[trace.Verdict]string{trace.Accept: green, trace.Pass: cyan, trace.Drop: red, trace.Reject: yellow}
