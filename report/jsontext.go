package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// WriteJSON writes a value as JSON on one line. It escapes unprintable characters, so
// that the text cannot control a terminal.
func WriteJSON(w io.Writer, v any) error { return writeJSON(w, v, "") }

// WriteIndentedJSON is [WriteJSON] on several lines.
func WriteIndentedJSON(w io.Writer, v any) error { return writeJSON(w, v, "  ") }

func writeJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // some texts have arrows
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(text.Bytes()))
	return err
}

// appendJSONText appends a string in JSON, escaped as in [WriteJSON].
func appendJSONText(b []byte, text string) []byte {
	plain := func(r rune) bool { return ' ' <= r && r <= '~' && r != '"' && r != '\\' }
	for _, r := range text {
		if !plain(r) {
			return append(b, escapeJSON([]byte(jsonText(text)))...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// escapeJSON escapes what does not print in a line of JSON, but for what JSON itself
// does not allow.
func escapeJSON(line []byte) []byte {
	const del = 0x7f
	if !slices.ContainsFunc(line, func(b byte) bool { return b >= del }) {
		return line // as most are
	}
	var b []byte
	for _, r := range string(line) {
		switch {
		case r < del || unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
