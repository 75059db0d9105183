package main

import (
	"os"
	"regexp"
	"strings"
)

// documentPage makes a page of a document for users: its title goes, its sections
// become those of the page.
func documentPage(file string) (page, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return page{}, err
	}
	var body strings.Builder
	inCode, inList := false, false
	for line := range strings.Lines(string(text)) {
		heading := sectionHeading.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "```"):
			if inList {
				body.WriteString(endOfList)
			}
			inCode, inList = !inCode, false
			line = "```\n"
		case inCode:
		case strings.HasPrefix(line, "- "):
			inList = true
		case strings.HasPrefix(line, "# "):
			line = "# DESCRIPTION\n"
		case heading != nil:
			line = "# " + strings.ToUpper(heading[1]) + "\n"
		}
		inList = inList && (line == "\n" || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, " "))
		body.WriteString(line)
	}
	return page{section: 5, body: withoutLinks(body.String())}, nil
}

// endOfList is a comment: md2man would take code after a list for the text of its last item.
const endOfList = "<!-- -->\n\n"

// sectionHeading is a heading of the second level.
var sectionHeading = regexp.MustCompile(`^## (.*)\n$`)

var link = regexp.MustCompile(`\[([^\[\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)`)

// withoutLinks leaves the text of links, and says which document one leads to.
func withoutLinks(text string) string {
	return link.ReplaceAllStringFunc(text, func(s string) string {
		m := link.FindStringSubmatch(s)
		if m[2] == "" || m[1] == m[2] {
			return m[1]
		}
		return m[1] + " in " + m[2]
	})
}
