package spec

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/golden"
)

// BenchmarkGoals prints a table of what knockc costs beside what it should cost: ratios to
// something that is done in turn with it, so that what else the machine does falls on both
// alike. The last column is the ratio to the table in costs.md. -bench Goals/replay and so
// on print a part of it, and -update puts what was printed into costs.md.
func BenchmarkGoals(b *testing.B) {
	kept := readKept(b)
	var all []goal
	fmt.Printf("\n%s beside the table in costs.md |\n%s --- |\n", goalHead, goalRule)
	for _, part := range []struct {
		name  string
		goals func(*testing.B) []goal
	}{
		{"replay", replayGoals}, {"reading", readingGoals}, {"output", outputGoals}, {"forms", formGoals}, {"memory", memoryGoals},
		{"policy", policyGoals}, {"process", processGoals}, {"scale", scaleGoals}, {"live", liveGoals}, {"codes", codeGoals},
		{"packets", packetGoals},
	} {
		b.Run(part.name, func(b *testing.B) {
			for b.Loop() {
				goals := part.goals(b)
				for _, g := range goals {
					fmt.Printf("%s %s |\n", g, kept.beside(g))
				}
				all = append(all, goals...)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	if *golden.Update {
		kept.keep(b, all)
	}
}

// goal is a row of the table.
type goal struct {
	work     string
	most     bool    // the goal is a maximum
	goal     float64 // 0: there is none
	measured float64
	unit     string // of both
	figures  string // what they were made of; these vary by machine
}

const (
	goalHead = "| work | goal | measured | in figures |"
	goalRule = "| --- | --- | --- | --- |"
)

func (g goal) String() string {
	wanted := ""
	if g.goal > 0 {
		sign := "≥"
		if g.most {
			sign = "≤"
		}
		wanted = fmt.Sprintf("%s %v", sign, g.goal)
	}
	return fmt.Sprintf("| %s | %s | %s %s | %s |", g.work, wanted, inDigits(g.measured), g.unit, g.figures)
}

// inDigits writes a number with as many digits as it is worth.
func inDigits(n float64) string {
	if n >= 10 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

// keptTable is the table in costs.md.
type keptTable struct {
	text string
	rows map[string]keptRow // by work
}

type keptRow struct {
	line     string
	measured float64
}

const costs = "costs.md"

var goalRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]* \| ([0-9.]+) [^|]* \| [^|]* \|$`)

func readKept(b *testing.B) keptTable {
	b.Helper()
	text, err := os.ReadFile(costs)
	if err != nil {
		b.Fatal(err)
	}
	kept := keptTable{string(text), map[string]keptRow{}}
	_, table, _ := strings.Cut(kept.text, goalHead)
	for _, row := range goalRow.FindAllStringSubmatch(table, -1) {
		measured, _ := strconv.ParseFloat(row[2], 64)
		kept.rows[row[1]] = keptRow{row[0], measured}
	}
	return kept
}

// beside is the ratio of what is measured to what the table has.
func (k keptTable) beside(g goal) string {
	row, known := k.rows[g.work]
	if !known || row.measured == 0 {
		return "new"
	}
	return fmt.Sprintf("%.2f ×", g.measured/row.measured)
}

// keep puts rows in the place of those of the same work, and new ones at the end.
func (k keptTable) keep(b *testing.B, goals []goal) {
	b.Helper()
	head, table, found := strings.Cut(k.text, goalHead+"\n"+goalRule+"\n")
	if !found {
		b.Fatalf("%s has no table of goals", costs)
	}
	end := strings.Index(table+"\n\n", "\n\n") + 1
	rows, rest := table[:min(end, len(table))], table[min(end, len(table)):]
	for _, g := range goals {
		if row, known := k.rows[g.work]; known {
			rows = strings.Replace(rows, row.line, g.String(), 1)
		} else {
			rows += g.String() + "\n"
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s%s\n%s\n%s%s", head, goalHead, goalRule, rows, rest)
	if err := os.WriteFile(costs, text.Bytes(), 0o666); err != nil {
		b.Fatal(err)
	}
}

// job is something to be timed.
type job struct {
	run   func() error
	times []time.Duration
}

// inTurn runs jobs one after the other, round by round.
func inTurn(b *testing.B, rounds int, jobs ...*job) {
	b.Helper()
	for range rounds {
		for _, j := range jobs {
			runtime.GC()
			j.times = append(j.times, timeOf(b, j.run))
		}
	}
}

func timeOf(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// ratio is the median of the ratios of two jobs in each round.
func ratio(a, b []time.Duration) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = float64(a[i]) / float64(b[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func seconds(j *job) string      { return fmt.Sprintf("%.2f s", median(j.times).Seconds()) }
func milliseconds(j *job) string { return fmt.Sprintf("%.1f ms", median(j.times).Seconds()*1000) }
