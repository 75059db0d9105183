// Package golden compares outputs of tests with outputs that a person has read.
//
// A golden file is a txtar archive of pairs: an input, followed by the wanted output.
// The flag -update writes the outputs again: read them in the diff.
package golden

import (
	"flag"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Update is the flag -update.
var Update = flag.Bool("update", false, "write the outputs of golden files again")

// Run runs f on each input of the archive. It compares the result with the output that
// follows, which has the name of the input with the ending .want.
func Run(t *testing.T, file string, f func(t *testing.T, name string, input []byte) []byte) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	updated := &txtar.Archive{Comment: archive.Comment}
	for i := 0; i < len(archive.Files); i++ {
		in := archive.Files[i]
		want := txtar.File{Name: in.Name + ".want"}
		if i+1 < len(archive.Files) && archive.Files[i+1].Name == want.Name {
			i++
			want = archive.Files[i]
		}
		var got []byte
		t.Run(in.Name, func(t *testing.T) {
			got = f(t, path.Base(in.Name), in.Data)
			if !*Update && string(got) != string(want.Data) {
				t.Errorf("-want +got:\n%s", cmp.Diff(lines(want.Data), lines(got)))
			}
		})
		updated.Files = append(updated.Files, in, txtar.File{Name: want.Name, Data: got})
	}
	if *Update {
		if err := os.WriteFile(file, txtar.Format(updated), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func lines(b []byte) []string { return strings.SplitAfter(string(b), "\n") }
