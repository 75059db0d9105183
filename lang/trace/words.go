package trace

import (
	"fmt"
	"slices"
	"strconv"

	"example.org/knockc/lang"
)

// Words are all words that have a meaning in a trace.
func Words() []string {
	words := []string{"policy", "start", "expect", "at", "for", string(Open), string(Closed)}
	for _, v := range verdicts {
		words = append(words, string(v))
	}
	return slices.Concat(words, lang.ProtoWords, AttributeNames)
}

// found says what stands at word i of the line.
func (l *line) found(i int) string {
	if !l.has(i) {
		return "the line ends"
	}
	return "found " + lang.Quote(l.word(i))
}

// from is the text of the line from word i up to its last word.
func (l *line) from(i int) string { return l.text[l.nth(i).start:l.nth(l.count()).end] }

// number reads a decimal number without leading zeros, from 0 to the greatest
// one. What is wrong with the text is a sentence's end.
func number(text string, greatest uint64) (n uint64, problem string) {
	switch {
	case !lang.IsDigits(text):
		return 0, "expected a whole number"
	case text[0] == '0' && len(text) > 1:
		return 0, "it has a leading zero"
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > greatest {
		return 0, fmt.Sprintf("wanted 0 to %d", greatest)
	}
	return n, ""
}

// unclosed reports whether a word is a string without its closing quote.
func unclosed(word string) bool {
	return word[0] == '"' && (len(word) == 1 || word[len(word)-1] != '"')
}
