//go:build linux

package live

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestCodeFile: notes are read as they were written, by root alone; a damaged file counts
// as one that knows all keys.
func TestCodeFile(t *testing.T) {
	f := &codeFile{t.TempDir(), &steppingClock{}}
	name := filepath.Join(f.folder, "codes.json")
	notes, err := f.Read()
	if err != nil || !reflect.DeepEqual(notes, &codeNotes{}) {
		t.Fatal(notes, err)
	}
	notes = &codeNotes{
		All: []codeNote{
			{series{"ssh", "A", time.Minute}, span{10, 20}, noon, []int64{12, 15}, "period 60s"},
			{series{"ssh", "A", time.Hour}, span{-1, 2}, noon, nil, ""},
		},
		Lost:   noon.Add(-time.Hour),
		Loaded: map[string]sources{"table inet knockc": {"0123", []Codes{{"ssh", "/etc/ssh.key", time.Minute, time.Hour}}}},
	}
	if err := f.Write(notes); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Read(); err != nil || !reflect.DeepEqual(again, notes) {
		t.Errorf("read is\n%+v, written\n%+v (%v)", again, notes, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for what, damaged := range map[string]string{
		"empty":        "",
		"cut short":    good[:len(good)/2],
		"more":         good + "{}",
		"unknown":      strings.Replace(good, `"seen"`, `"sene"`, 1),
		"out of order": strings.Replace(good, "12,", "16,", 1),
		"twice":        strings.Replace(good, `"period": 3600`, `"period": 60`, 1),
		"no period":    strings.Replace(good, `"period": 3600`, `"period": 0`, 1),
		"zeros":        strings.Repeat("\x00", len(good)),
	} {
		if damaged == good {
			t.Fatal(what)
		}
		if err := os.WriteFile(name, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, noon, noon); err != nil {
			t.Fatal(err)
		}
		read, err := f.Read()
		if err != nil || read.Damage == nil || len(read.All) > 0 {
			t.Errorf("%s: %+v, %v", what, read, err)
			continue
		}
		if n, known := read.of(series{"new", "C", time.Minute}); !known || !n.Seen.Equal(noon) {
			t.Errorf("%s: of a key it tells %+v, %v", what, n, known)
		}
	}
	if err := os.Chmod(name, 0o620); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(); err == nil {
		t.Error("what others can write is read")
	}
}
