package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockc/compiler"
	"knockc/internal/netns"
	"knockc/internal/seeded"
	"knockc/lang"
)

// BenchmarkScale builds 10,000 knocks and lets nft read the result without loading
// it, three times each in turn, and loads 1,000 knocks.
func BenchmarkScale(b *testing.B) {
	text := seeded.Policy(10000)
	file := filepath.Join(b.TempDir(), "knock.nft")
	var build, check, load []time.Duration
	for b.Loop() {
		for range 3 {
			host := netns.New(b, "eth0")
			script := ""
			build = append(build, timeOf(b, func() error { script = built(b, text); return nil }))
			if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
				b.Fatal(err)
			}
			check = append(check, timeOf(b, func() error { _, err := host.Nft("-c", "-f", file); return err }))
			script = built(b, seeded.Policy(1000))
			load = append(load, timeOf(b, func() error { return host.Load(script) }))
		}
	}
	b.ReportMetric(median(build).Seconds(), "s-build-10000")
	b.ReportMetric(ratio(build, check), "build/nft-c-10000")
	b.ReportMetric(median(load).Seconds(), "s-load-1000")
	b.ReportMetric(0, "ns/op")
}

func timeOf(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// built does what `knockc build` does with the text of a policy.
func built(b *testing.B, policyText string) string {
	b.Helper()
	policy, found := lang.Examine([]byte(policyText))
	result, more := compiler.Compile(policy)
	if err := firstError("bench", policyText, append(found, more...)); err != nil {
		b.Fatal(err)
	}
	var script strings.Builder
	if err := result.Ruleset.WriteNFT(&script, nil); err != nil {
		b.Fatal(err)
	}
	return script.String()
}
