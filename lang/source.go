package lang

import (
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// Pos is a place in a source text. Offset counts bytes from 0, Line and Column
// count from 1, Column in characters.
type Pos struct {
	Offset, Line, Column int
}

// Span is the text from Start up to End, which is the first place after it.
type Span struct {
	Start, End Pos
}

// To returns the span from the start of s to the end of t.
func (s Span) To(t Span) Span { return Span{s.Start, t.End} }

// tokenSpan is where a token stands; a token never holds a line break.
func tokenSpan(t lexer.Token) Span {
	start := Pos{t.Pos.Offset, t.Pos.Line, t.Pos.Column}
	end := start
	end.Offset += len(t.Value)
	end.Column += utf8.RuneCountInString(t.Value)
	return Span{start, end}
}
