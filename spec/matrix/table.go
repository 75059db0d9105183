package main

import (
	"fmt"
	"strings"
	"time"
)

// page is spec/matrix.md.
func page(when time.Time, rows []row) string {
	return fmt.Sprintf(`# The matrix

`+"`make matrix`"+` wrote this page on %s. Each row is a kernel with a version of nft.
There, this project's own tests ran, with the policies that it has as examples, the cases
of the specification, and 600 random policies with random packets:

| column | tests |
| --- | --- |
%s
Kernels and nft are those of Debian's releases. A kernel with `+"`tcg`"+` ran in an emulated machine,
one with `+"`kvm`"+` in a virtual one, and one with `+"`this`"+` is that of the machine that ran the
matrix. There, and in an emulated machine even more, a packet often arrives just when the
kernel's clock ticks, so that nobody can tell which tick it saw. Such packets, and those
that come from the same source later, are left out of the comparison.

%s%s`, when.Format(time.DateOnly), partTable(), table(rows), notes(rows))
}

func partTable() string {
	var b strings.Builder
	for _, p := range parts {
		var names []string
		for _, t := range p.tests {
			names = append(names, fmt.Sprintf("`%s` of `%s`", strings.ReplaceAll(strings.Trim(t.match, "^$"), "|", `\|`), t.folder))
		}
		fmt.Fprintf(&b, "| %s | %s |\n", p.column, strings.Join(names, ", "))
	}
	return b.String()
}

// table has a row for each cell.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| kernel | nft | machine | examples load | policies | packets | left out | disagreements | reload | reload under flood | rollback | rehearsal | seconds |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		t := r.tally()
		compared := []string{"", "", "", ""}
		if t.policies > 0 {
			for i, n := range []int{t.policies, t.packets, t.leftOut, t.disagreements} {
				compared[i] = fmt.Sprint(n)
			}
		}
		fields := append([]string{r.kernel, r.nft, r.machine, r.column("policies")}, compared...)
		for _, part := range []string{"reload", "flood", "rollback", "rehearsal"} {
			fields = append(fields, r.column(part))
		}
		fields = append(fields, fmt.Sprintf("%.0f", r.took.Seconds()))
		fmt.Fprintf(&b, "| %s |\n", strings.Join(fields, " | "))
	}
	return b.String()
}

// notes say what failed.
func notes(rows []row) string {
	text := ""
	for _, r := range rows {
		for _, p := range r.results {
			if p.failed != nil {
				text += fmt.Sprintf("\nLinux %s, nft %s, %s: %s failed.\n", r.kernel, r.nft, p.part, strings.Join(p.failed, ", "))
			}
		}
	}
	return text
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

// column is what the row says of a part: how many of its tests passed.
func (r row) column(part string) string {
	for _, p := range r.results {
		switch {
		case p.part != part:
		case part == "policies":
			return fmt.Sprintf("%d of %d", p.subtests.passed, p.subtests.all)
		default:
			return fmt.Sprintf("%d of %d", p.passed, p.passed+p.missing)
		}
	}
	return ""
}
