//go:build linux

package main

import (
	"strings"
	"testing"
)

// TestColumns: nothing is lost and no line is longer than it may be, whatever is wide.
func TestColumns(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		rows [][]string
		want string
	}{
		{[][]string{{"A", "B", "C"}, {"ssh", "22", "1"}}, "A    B   C\nssh  22  1\n"},
		{[][]string{{"A", "B", "C"}, {long, "22 80", "1"}}, "A" + strings.Repeat(" ", 65) + "B      C\n" + long + "  22 80  1\n"},
		{[][]string{{"A", "B", "C"}, {"ssh", strings.Repeat("1234 ", 20), "7"}},
			"A    B" + strings.Repeat(" ", 73) + "C\n" +
				"ssh  " + strings.Repeat("1234 ", 13) + "1234     7\n" +
				"     " + strings.TrimSpace(strings.Repeat("1234 ", 6)) + "\n"},
		{[][]string{{"A", "B", "C"}, {long, long, "7"}},
			"A" + strings.Repeat(" ", 38) + "B" + strings.Repeat(" ", 39) + "C\n" +
				long[:37] + "  " + long[:38] + "  7\n" + long[37:] + strings.Repeat(" ", 12) + long[38:] + "\n"},
	} {
		table := columns{wraps: []int{0, 1}}
		for _, row := range c.rows {
			table.add(row...)
		}
		var out strings.Builder
		table.print(&out)
		if out.String() != c.want {
			t.Errorf("printed\n%swant\n%s", out.String(), c.want)
		}
	}
}
