package spec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/knockc/codes"
	"example.org/knockc/internal/netns"
)

// codeGoals loads a week of one-time codes for 100 knocks, and looks after them.
func codeGoals(b *testing.B) []goal {
	b.Helper()
	const knocks = 100
	knockc, folder := tool(b), b.TempDir()
	if err := codes.WriteKey(filepath.Join(folder, "host.key"), codes.NewKey()); err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	for i := range knocks {
		fmt.Fprintf(&text, "knock k%d < otp/%d -> %d key \"host.key\" >\n", i, 20000+i, 1000+i)
	}
	policy := written(b, folder, "policy.knock", strings.NewReader(text.String()))
	host := netns.New(b, "eth0")
	inside := func(args ...string) *exec.Cmd {
		c := exec.Command(knockc, args...)
		c.Env = append(os.Environ(), "KNOCKC_STATE="+filepath.Join(folder, "state"))
		return c
	}
	load := []string{"apply", "-settle", "0", "-rehearse=false", policy}
	of := func(args ...string) *job {
		return &job{run: func() error { return host.Do(inside(args...).Run) }}
	}
	apply, refill, remove := of(load...), of("refill", policy), of("remove")
	inTurn(b, 5, apply, refill, remove)
	var peak float64
	before := slabs(b)
	host.Do(func() error { peak = peakOf(b, inside(load...)); return nil })
	kernel := slabs(b) - before
	row := func(work string, most, measured float64, unit, figures string) goal {
		return goal{work: fmt.Sprintf("%s, a week of codes, knocks: %d", work, knocks), most: true, goal: most, measured: measured, unit: unit, figures: figures}
	}
	return []goal{
		row("`apply`", 5, median(apply.times).Seconds(), "s", ""),
		row("`refill`", 5, median(refill.times).Seconds(), "s", ""),
		row("peak of `apply`", 0, peak, "MB", ""),
		row("memory of the kernel", 0, kernel, "MB", fmt.Sprintf("%.0f bytes a code", kernel*1e6/(knocks*7*24*120))),
	}
}

// slabs is how many megabytes the kernel has in small pieces, as it has elements.
func slabs(b *testing.B) (megabytes float64) {
	b.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "\nSlab:")
	var kilobytes float64
	fmt.Sscanf(line, "%f kB", &kilobytes)
	return kilobytes / 1000
}
