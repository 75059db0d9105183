package main

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

// writeJSON writes a value as JSON on a line. Nothing in it steers the terminal, which
// may be what reads it: characters that do not print are escaped.
func writeJSON(w io.Writer, v any) {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false) // some texts have arrows
	e.Encode(v)
	w.Write(escapeJSON(line.Bytes()))
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
