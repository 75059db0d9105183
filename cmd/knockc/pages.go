package main

import (
	"fmt"
	"strings"

	"example.org/knockc/internal/lazy"
	"example.org/knockc/lang"
	"example.org/knockc/spec"
)

// page finds what help shows besides commands: what findings.md says of a code, or a whole
// page of the documentation by its file name.
func page(name string) (text string, found bool) {
	if code := strings.ToUpper(name); isCode(code) {
		return aboutCode(code)
	}
	whole, err := spec.Pages.ReadFile(name)
	if _, noCommand := findCommand(name); err != nil && noCommand != nil {
		whole, err = spec.Pages.ReadFile(name + ".md")
	}
	return plain(string(whole)), err == nil
}

// pages are the names of all pages.
func pages() (names []string) {
	all, err := spec.Pages.ReadDir(".")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, file := range all {
		names = append(names, file.Name())
	}
	return names
}

// inLines are words in indented lines that fit a terminal.
func inLines(words []string) string {
	const width = 76
	var b strings.Builder
	line := "   "
	for _, word := range words {
		if len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + word
	}
	return b.String() + line
}

var codePattern = lazy.Regexp(`^K[0-9]{3}$`)

func isCode(name string) bool { return codePattern().MatchString(name) }

// aboutCode is the section of findings.md about a code.
func aboutCode(code string) (text string, found bool) {
	whole, err := spec.Pages.ReadFile("findings.md")
	if err != nil {
		panic(err)
	}
	_, section, found := strings.Cut(string(whole), "\n### "+code+" ")
	section, _, _ = strings.Cut(section, "\n### ")
	section, _, _ = strings.Cut(section, "\n## ")
	return plain("### " + code + ": " + section), found
}

var link = lazy.Regexp(`\[([^\[\]]+)\]\([^)]+\)`)

// plain is Markdown for a terminal: headings and links are text, and code is indented.
func plain(markdown string) string {
	var b strings.Builder
	code, blank := false, false
	for line := range strings.Lines(link().ReplaceAllString(markdown, "$1")) {
		switch {
		case strings.HasPrefix(line, "```"):
			code = !code
			continue
		case code && line != "\n":
			line = "    " + line
		case !code:
			line = heading().ReplaceAllString(line, "")
		}
		if line == "\n" && blank {
			continue
		}
		blank = line == "\n"
		b.WriteString(line)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

var heading = lazy.Regexp(`^#+ `)

// noPage is the error about a name that is neither a command nor a page.
func noPage(name string) error {
	if code := strings.ToUpper(name); isCode(code) {
		return &usageError{fmt.Sprintf("there is no finding %s", code), "`knockc help findings.md` lists all codes"}
	}
	if near := lang.Nearest(name, pages()); near != "" {
		return &usageError{fmt.Sprintf("there is no command or page `%s`", lang.Printable(name)), fmt.Sprintf("did you mean `knockc help %s`?", near)}
	}
	_, err := findCommand(name)
	return err
}
