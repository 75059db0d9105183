package lang

import (
	"fmt"
	"go/format"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// manyKnocks is a policy of n knocks, as a generator writes them, from a seed.
func manyKnocks(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "# user %d\nknock user-%d <\n\t", i, i)
		for range 4 {
			fmt.Fprintf(&b, "%d ", 1024+r.IntN(20000))
		}
		fmt.Fprintf(&b, "-> %d within %ds grant 30s\n\treset any\n>\n\n", 30000+r.IntN(30000), 1+r.IntN(9))
	}
	return []byte(b.String())
}

// goSource is a megabyte of Go, from Go's own library.
func goSource(tb testing.TB) [][]byte {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		tb.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/net/http/*.go"))
	var sources [][]byte
	size := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		sources = append(sources, src)
		if size += len(src); size >= 1<<20 {
			return sources
		}
	}
	tb.Skip("no Go source here to compare with")
	return nil
}

func BenchmarkFormat(b *testing.B) {
	for _, n := range []int{100, 10000} {
		src := manyKnocks(n)
		b.Run(fmt.Sprintf("knocks=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Format(src)
			}
		})
	}
}

func BenchmarkExamine(b *testing.B) {
	for _, n := range []int{100, 10000} {
		src := manyKnocks(n)
		b.Run(fmt.Sprintf("knocks=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Examine(src)
			}
		})
	}
}

// BenchmarkAgainstGofmt formats and checks a megabyte of policy and formats a
// megabyte of Go in turns, and reports the ratios of the medians for a byte.
func BenchmarkAgainstGofmt(b *testing.B) {
	policy, sources := manyKnocks(10000), goSource(b)
	goSize := 0
	for _, src := range sources {
		goSize += len(src)
	}
	var formats, checks, gofmts []time.Duration
	for b.Loop() {
		start := time.Now()
		Format(policy)
		formats = append(formats, time.Since(start))
		start = time.Now()
		Examine(policy)
		checks = append(checks, time.Since(start))
		start = time.Now()
		for _, src := range sources {
			if _, err := format.Source(src); err != nil {
				b.Fatal(err)
			}
		}
		gofmts = append(gofmts, time.Since(start))
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return d[len(d)/2].Seconds() }
	perByte := median(gofmts) / float64(goSize)
	b.ReportMetric(median(formats)/float64(len(policy))/perByte, "x-gofmt(fmt)")
	b.ReportMetric(median(checks)/float64(len(policy))/perByte, "x-gofmt(check)")
}
