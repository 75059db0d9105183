package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodCell = `matrix kernel 6.1.0
matrix nft 1.0.6
matrix begin reload
=== RUN   TestOneOnKernel
--- PASS: TestOneOnKernel (0.10s)
=== RUN   TestTwoOnKernel
    two_test.go:1: 2 policies, 8 traces, 70 packets, 3 openings, 9 packets left out near a tick, 0 disagreements
--- PASS: TestTwoOnKernel (0.20s)
    --- PASS: TestTwoOnKernel/a (0.10s)
PASS

matrix end 0
matrix complete
`

// TestReadRow: a cell fails unless each of its tests ran and passed, and the cell came to
// its end.
func TestReadRow(t *testing.T) {
	reload := part{name: "reload", tests: []tests{{folder: "spec"}, {folder: "live"}}}
	names := map[tests][]string{{folder: "spec"}: {"TestOneOnKernel"}, {folder: "live"}: {"TestTwoOnKernel"}}
	for _, test := range []struct{ name, old, new, failed string }{
		{"all is well", "", "", ""},
		{"a serial console ends lines in its own way", "\n", "\r\n", ""},
		{"a test failed", "--- PASS: TestOne", "--- FAIL: TestOne", "TestOneOnKernel"},
		{"a test was skipped", "--- PASS: TestTwoOnKernel (", "--- SKIP: TestTwoOnKernel (", "TestTwoOnKernel was skipped"},
		{"a test did not run", "--- PASS: TestTwoOnKernel (0.20s)\n", "", "TestTwoOnKernel did not run to its end"},
		{"nothing ran", "matrix begin reload", "", "TestOneOnKernel did not run to its end, TestTwoOnKernel did not run to its end"},
		{"the tests said so at their end", "matrix end 0", "matrix end 1", "the tests ended with an error"},
		{"the machine died", "matrix complete\n", "", ""},
		{"there was no nft", "matrix nft 1.0.6\n", "", ""},
	} {
		r := readRow(strings.ReplaceAll(goodCell, test.old, test.new), []part{reload}, names)
		if got := strings.Join(r.results[0].failed, ", "); got != test.failed {
			t.Errorf("%s: failed are %q, want %q", test.name, got, test.failed)
		}
		well := test.old == "" || test.old == "\n"
		if r.failed() == well {
			t.Errorf("%s: failed is %v", test.name, r.failed())
		}
		if want := (tally{2, 70, 9, 0}); well && r.tally() != want {
			t.Errorf("%s: counted %v, want %v", test.name, r.tally(), want)
		}
	}
	if r := readRow(goodCell, nil, names); !r.failed() {
		t.Error("a cell without parts does not fail")
	}
}

// TestPowerNotes: of what a machine has noted, only whole lines count, and each life has its own.
func TestPowerNotes(t *testing.T) {
	s := &station{record: filepath.Join(t.TempDir(), "record")}
	text := "boots\nwhole\nruns refill\nused 7\nboots\nwhole\nsends 8\nused 8\nruns ap"
	if err := os.WriteFile(s.record, append([]byte(text), make([]byte, 100)...), 0o666); err != nil {
		t.Fatal(err)
	}
	notes := s.notes()
	if n := count(notes, "used"); n != 2 {
		t.Errorf("%d codes were used, want 2", n)
	}
	for n, want := range map[int]string{2: "used", 3: ""} {
		did := ""
		if life := since(notes, n); life != nil {
			did = doing(life)
		}
		if did != want {
			t.Errorf("life %d ends with %q, want %q", n, did, want)
		}
	}
	if did := doing([]string{"boots", "sends 9"}); did != "check" {
		t.Errorf("a life without its check ends with %q", did)
	}
}
