package main

import (
	"slices"
	"strings"
	"testing"

	"example.org/knockc/lang"
)

// TestPages: help explains every code of check and import, and no page has Markdown's code
// fences or links left.
func TestPages(t *testing.T) {
	for _, c := range lang.Codes {
		text, found := page(string(c.Code))
		if !found || !strings.HasPrefix(text, string(c.Code)+": ") || strings.Count(text, "\n") < 3 {
			t.Errorf("help %s prints\n%s", c.Code, text)
		}
	}
	for _, name := range pages() {
		if text, found := page(name); !found || strings.Contains(text, "```") || strings.Contains(text, "](") {
			t.Errorf("help %s prints\n%s", name, text)
		}
	}
}

// TestOtherWords: what other tools call a command leads to one that there is.
func TestOtherWords(t *testing.T) {
	for word, meant := range otherWords {
		name, _, _ := strings.Cut(meant, " ")
		isCommand := func(name string) bool {
			return slices.ContainsFunc(commands, func(c *command) bool { return c.name == name })
		}
		if !isCommand(name) || isCommand(word) {
			t.Errorf("%s: %s", word, meant)
		}
	}
}
