package lang

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ByteOrderMark may begin a text, and is ignored there.
const ByteOrderMark = "\uFEFF"

// NotText finds the first byte of a text that is NUL or not UTF-8, and says which of
// the two; the offset is -1 if there is none.
func NotText(text string) (offset int, problem string) {
	if utf8.ValidString(text) {
		if offset = strings.IndexByte(text, 0); offset < 0 {
			return -1, ""
		}
		return offset, "the file holds a NUL byte"
	}
	for i, r := range text {
		switch {
		case r == 0:
			return i, "the file holds a NUL byte"
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return i, fmt.Sprintf("byte 0x%02x is not valid UTF-8", text[i])
		}
	}
	return -1, ""
}

// IsDigits reports whether a text consists only of decimal digits.
func IsDigits(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return text != ""
}

// Plural is the form of a word for a number of things.
func Plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Quote shows a piece of the text in a message. A long one is cut, and a key cannot be read.
func Quote(text string) string {
	const most = 80
	text = string(withoutKeys([]byte(text[:min(len(text), most+keyDigits)])))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return "`" + Printable(text) + "`"
}

// Printable keeps a hostile source line from controlling the terminal: each unprintable
// character becomes one visible character.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return '·'
	}, line)
}
