package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// roff renders the page.
func (p page) roff(date, docs string) []byte {
	text := fmt.Sprintf("%% %q \"%d\" %q \"knockc\"\n\n# NAME\n\n%s - %s\n\n%s\n# SEE ALSO\n\n%s\n\nThe documents that are named here are in %s.\n",
		strings.ToUpper(p.name), p.section, date, p.name, p.title, p.body, p.seeAlso, docs)
	rendered := string(md2man.Render([]byte(text)))
	rendered = heading.ReplaceAllString(rendered, "$0\n.nh\n.ad l")
	rendered = table.ReplaceAllStringFunc(rendered, fitTable)
	rendered = code.ReplaceAllStringFunc(rendered, asTyped.Replace)
	rendered = codeBlock.ReplaceAllString(rendered, "\n.RS 2\n.EX\n$1.EE\n.RE\n.nh\n.ad l\n")
	return []byte(inASCII.Replace(rendered))
}

// heading begins a section. It and the end of indented code would let roff break words and
// stretch lines again.
var heading = regexp.MustCompile(`(?m)^\.S[HS] .*$`)

// code is what md2man makes of code, as a block or between words. asTyped keeps roff
// from making typographic signs of what a reader might copy.
var (
	codeBlock = regexp.MustCompile(`(?s)\n\.EX\n(.*?)\.EE\n`)
	code      = regexp.MustCompile(`(?s)\n\.EX\n.*?\.EE\n|\\fB.*?\\f[PR]`)
	asTyped   = strings.NewReplacer("'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "-", `\-`)
	inASCII   = strings.NewReplacer("–", `\(en`, "µ", `\(mc`)
)

// table is what md2man makes of a table: its rows stand between the line that ends in a
// full stop and `.TE`. textBlock is a long cell in it.
var (
	table     = regexp.MustCompile(`(?s)\.TS\n.*?\.\n(.*?)\.TE\n`)
	textBlock = regexp.MustCompile(`(?s)T\{\n(.*?)\nT\}`)
	font      = regexp.MustCompile(`\\f.`)
)

// lineWidth is what a terminal of 80 columns leaves to a paragraph.
const lineWidth = 70

// fitTable makes the columns of a table that is too wide for a line break theirs.
func fitTable(s string) string {
	body := textBlock.ReplaceAllString(table.FindStringSubmatch(s)[1], "$1")
	var rows [][]string
	for line := range strings.Lines(body) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	broken := brokenColumns(rows)
	var b strings.Builder
	b.WriteString(".TS\nallbox;\n")
	for i := range rows[0] {
		if broken[i] {
			b.WriteString("lx ")
		} else {
			b.WriteString("l ")
		}
	}
	b.WriteString(".\n")
	for _, row := range rows {
		for i, cell := range row {
			if broken[i] {
				cell = strings.ReplaceAll(cell, `,"`, `,\:"`) // where JSON may be broken
				row[i] = "T{\n" + cell + "\nT}"
			}
		}
		b.WriteString(strings.Join(row, "\t") + "\n")
	}
	return b.String() + ".TE\n"
}

// brokenColumns are the columns whose cells have to be broken into lines: from the
// widest on, until the others leave room for them.
func brokenColumns(rows [][]string) []bool {
	widths := make([]int, len(rows[0]))
	need := 1
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], len(font.ReplaceAllString(row[i], "")))
		}
		need += widths[i] + 3
	}
	broken := make([]bool, len(widths))
	const least = 16 // of a column that is broken
	for need > lineWidth {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		need -= widths[widest] - least
		widths[widest], broken[widest] = least, true
	}
	return broken
}
