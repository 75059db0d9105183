package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkProcess runs whole commands, as an editor does: on a policy of 10 KB.
func BenchmarkProcess(b *testing.B) {
	folder := b.TempDir()
	tool := filepath.Join(folder, "knockc")
	if out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var policy strings.Builder
	for i := 0; policy.Len() < 10<<10; i++ {
		fmt.Fprintf(&policy, "# user %d\nknock user-%d <\n\t%d %d %d -> %d\n\tgrant 30s\n\treset any\n>\n\n",
			i, i, 2000+7*i, 12000-11*i, 5000+13*i, 22000+i)
	}
	file := filepath.Join(folder, "policy.knock")
	if err := os.WriteFile(file, []byte(policy.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, args := range [][]string{{"version"}, {"fmt", file}, {"check", file}} {
		b.Run(args[0], func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
		})
	}
}
