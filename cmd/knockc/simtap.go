package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// writeTAP prints a test as TAP 13 has it (testanything.org): a failed one has its
// reasons after it, in YAML, of which JSON's strings are a part.
func writeTAP(w io.Writer, number int, file string, t test) {
	result := "ok"
	if t.failure != "" {
		result = "not ok"
	}
	fmt.Fprintf(w, "%s %d - %s\n", result, number, strings.ReplaceAll(t.title(file), "#", `\#`))
	if t.failure == "" {
		return
	}
	fmt.Fprintf(w, "  ---\n  message: %s\n", jsonText(t.failure))
	for _, pair := range [][2]string{{"why", t.why}, {"wanted", t.want}, {"found", t.got}} {
		if pair[1] != "" {
			fmt.Fprintf(w, "  %s: %s\n", pair[0], jsonText(pair[1]))
		}
	}
	fmt.Fprint(w, "  ...\n")
}

// jsonText is a string in JSON.
func jsonText(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}
