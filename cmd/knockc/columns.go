package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"example.org/knockc/report"
)

// columns are rows of cells, printed below each other, the first as the heading. Where they
// are too wide for a line, the cells of the columns named in wraps go on in lines below.
type columns struct {
	wraps []int
	rows  [][]string
}

func (c *columns) add(cells ...string) { c.rows = append(c.rows, cells) }

func (c *columns) print(w io.Writer) {
	widths := c.widths()
	for _, row := range c.rows {
		for line := 0; ; line++ {
			text, more := "", false
			for i, cell := range row {
				lines := wrap(cell, widths[i])
				part := ""
				if line < len(lines) {
					part = lines[line]
				}
				more = more || line+1 < len(lines)
				text += part + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(part)+gap)
			}
			fmt.Fprintln(w, strings.TrimRight(text, " "))
			if !more {
				break
			}
		}
	}
}

const (
	gap       = 2 // between columns
	narrowest = 8 // of the columns that may wrap
)

// widths are those of the columns. Of the ones that may wrap, the widest makes room.
func (c *columns) widths() []int {
	widths := make([]int, len(c.rows[0]))
	for _, row := range c.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	total := gap * (len(widths) - 1)
	for _, width := range widths {
		total += width
	}
	for ; total > report.LineWidth; total-- {
		widest := c.wraps[0]
		for _, i := range c.wraps {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
	}
	return widths
}

// wrap breaks a text into lines of at most a width, between words where it can.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			word = " " + word
		}
		for _, r := range word {
			if utf8.RuneCountInString(line) == width {
				lines = append(lines, line)
				line = ""
			}
			line += string(r)
		}
	}
	return append(lines, line)
}
