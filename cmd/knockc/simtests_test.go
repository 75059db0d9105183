package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTAPStreams: each test is written when its outcome is known, not at the end.
func TestTAPStreams(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"policy.knock": "knock ssh < 1000 2000 -> 22 >\n",
		"a.trace":      "0s expect ssh closed for 192.0.2.7\n1s expect ssh open for 192.0.2.7\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var out writes
	if status := run([]string{"sim", "-tap", filepath.Join(dir, "a.trace")}, strings.NewReader(""), &out, os.Stderr); status != exitInput {
		t.Errorf("exit status %d", status)
	}
	begins := []string{"TAP version 13\n", "ok 1 - ", "not ok 2 - ", "ok 3 - ", "1..3\n"}
	for i, text := range out {
		if i >= len(begins) || !strings.HasPrefix(text, begins[i]) || !strings.HasSuffix(text, "\n") {
			t.Errorf("write %d: %q", i, text)
		}
	}
	if len(out) != len(begins) {
		t.Errorf("%d writes, want %d", len(out), len(begins))
	}
}

// writes are what was written, one by one.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}
