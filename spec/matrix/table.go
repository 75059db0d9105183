package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// The page is spec/matrix.md. Between these parts it has a row for each cell.
const (
	aboveTable = `# The matrix

` + "`make matrix`" + ` writes this page. Each row is a kernel with a version of nft. Both are those of
a release of Debian, and ` + "`running`" + ` is the kernel of the machine that ran the matrix. There,
tests of this project ran, in parts. ` + "`spec/matrix/tests.go`" + ` says which.

%s
The columns policies, packets, left out and disagreements are those of cases and random
together. A packet that arrives just when the kernel's clock ticks is left out, with all later ones
from the same sources, as nobody can tell which tick the kernel saw. In an emulated machine
(` + "`tcg`" + `), where a packet takes long, these are many. There, the tests of reloads under a flood
would take too long.

`
	columns = "cell | date | kernel | nft | machine | examples | policies | packets | left out | disagreements | reload | flood | rollback | rehearsal | seconds | failed"
)

// update writes the rows into a page, in which those of other cells stay.
func update(file string, rows []row) error {
	lines := map[string]string{}
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (\w+/\w+) \|.*\n`).FindAllStringSubmatch(string(text), -1) {
		lines[m[1]] = m[0]
	}
	for _, r := range rows {
		lines[r.cell.name()] = r.line(time.Now())
	}
	page := fmt.Sprintf(aboveTable, partTable()) + header()
	for _, c := range cells {
		page += lines[c.name()]
	}
	return os.WriteFile(file, []byte(page), 0o666)
}

// partTable says what the parts show.
func partTable() string {
	text := "| part | what it shows |\n| --- | --- |\n"
	for _, p := range parts {
		text += fmt.Sprintf("| %s | %s |\n", p.name, p.shows)
	}
	return text
}

func header() string {
	return fmt.Sprintf("| %s |\n|%s\n", columns, strings.Repeat(" --- |", strings.Count(columns, "|")+1))
}

func table(rows []row) string {
	text := header()
	for _, r := range rows {
		text += r.line(time.Now())
	}
	return text
}

// line is the row in the table.
func (r row) line(when time.Time) string {
	fields := []string{r.cell.name(), when.Format(time.DateOnly), r.kernel, r.nft, r.machine, r.column("examples")}
	if t := r.tally(); t.policies > 0 {
		for _, n := range []int{t.policies, t.packets, t.leftOut, t.disagreements} {
			fields = append(fields, fmt.Sprint(n))
		}
	} else {
		fields = append(fields, "", "", "", "")
	}
	for _, part := range []string{"reload", "flood", "rollback", "rehearsal"} {
		fields = append(fields, r.column(part))
	}
	var failed []string
	for _, p := range r.results {
		failed = append(failed, p.failed...)
	}
	if !r.complete {
		failed = append(failed, "it did not run to its end")
	}
	fields = append(fields, fmt.Sprintf("%.0f", r.took.Seconds()), cmp.Or(strings.Join(failed, ", "), "nothing"))
	return fmt.Sprintf("| %s |\n", strings.Join(fields, " | "))
}

// tally is that of all parts.
func (r row) tally() tally {
	var sum tally
	for _, p := range r.results {
		sum.policies += p.tally.policies
		sum.packets += p.tally.packets
		sum.leftOut += p.tally.leftOut
		sum.disagreements += p.tally.disagreements
	}
	return sum
}

// column is what the row says of a part: how many of its tests passed, or of the policies.
func (r row) column(part string) string {
	for _, p := range r.results {
		switch {
		case p.part != part:
		case part == "examples":
			return fmt.Sprintf("%d of %d", p.subtests.passed, p.subtests.all)
		default:
			return fmt.Sprintf("%d of %d", p.passed, p.passed+p.missing)
		}
	}
	return ""
}
