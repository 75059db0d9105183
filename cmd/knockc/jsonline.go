package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
)

// writeJSON writes a value as JSON on a line. Nothing in it steers the terminal, which
// may be what reads it: characters that do not print are escaped.
func writeJSON(w io.Writer, v any) {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false) // some texts have arrows
	e.Encode(v)
	text := bytes.TrimSuffix(line.Bytes(), []byte("\n"))
	if bytes.ContainsFunc(text, unprintable) {
		text = escapeJSON(text)
	}
	w.Write(append(text, '\n'))
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// escapeJSON escapes what does not print; there is none but in strings.
func escapeJSON(text []byte) []byte {
	var b []byte
	for _, r := range string(text) {
		switch {
		case !unprintable(r):
			b = append(b, string(r)...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
