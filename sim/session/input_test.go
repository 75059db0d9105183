package session_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/sim/session"
)

// onBegin is a diary that does something before a trace is read for the second time.
type onBegin struct {
	diary
	does func()
}

func (r *onBegin) Begin(t *session.Trace) {
	r.diary.Begin(t)
	r.does()
}

// replayed is why a trace cannot be replayed, "" if it can.
func replayed(t *testing.T, name string, open func(string) (io.ReadCloser, error), r session.Reporter) string {
	t.Helper()
	summary, err := session.Run([]string{name}, session.Options{Open: open}, r)
	if err = errors.Join(append(summary.Errs, err)...); err != nil {
		return err.Error()
	}
	return ""
}

// TestChanged: a file that changes between the two times that it is read is an error, and
// what is new in it has no outcome.
func TestChanged(t *testing.T) {
	const text = "policy ssh.knock\n0s 192.0.2.7 -> 1001\n+1s expect ssh at 1 for 192.0.2.7\n"
	outcomes := []string{"pass, ok: true", "1, ok: true"}
	file := filepath.Join(t.TempDir(), "a.trace")
	open := func(name string) (io.ReadCloser, error) {
		if name == file {
			return os.Open(name)
		}
		return files.open(filepath.Base(name))
	}
	for changed, left := range map[string]int{ // how many outcomes are left
		text:                        2,
		text + "# no event\n":       2,
		text + "+1s me -> 1002\n":   2,
		text + "+1s 192.0.2.8 -> 1": 2,
		strings.Replace(text, "expect ssh", "expect web", 1): 1,
		"policy ssh.knock\n0s 192.0.2.7 -> 1001\n":           1,
		"": 0,
	} {
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(text)
		told := &onBegin{does: func() { write(changed) }}
		got, want := replayed(t, file, open, told), ""
		if changed != text && !strings.Contains(changed, "#") {
			want = "cannot read " + file + ": the file has changed while it was being read"
		}
		if got != want {
			t.Errorf("changed to %q: %q, want %q", changed, got, want)
		}
		if seen := told.diary[1 : len(told.diary)-2]; !slices.Equal(seen, outcomes[:left]) {
			t.Errorf("changed to %q: there came %q", changed, seen)
		}
	}
}

// inMemory is a file in memory, at any place of which one can read.
type inMemory struct{ *strings.Reader }

func (inMemory) Close() error { return nil }

// TestInMemory: if all is opened in memory, the file system does not matter: neither what
// has the name of a policy there, nor whether there is room for a temporary file.
func TestInMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("ssh.knock", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, "none")
	}
	long := files["good.trace"] + strings.Repeat("# "+strings.Repeat("x", 1020)+"\n", 5<<10)
	open := func(name string) (io.ReadCloser, error) {
		if name == "good.trace" {
			return inMemory{strings.NewReader(long)}, nil
		}
		return files.open(name)
	}
	if err := replayed(t, "good.trace", open, &diary{}); err != "" {
		t.Error(err)
	}
}

// pipe is what can be read only once.
type pipe struct {
	io.Reader
	closed bool
}

func (p *pipe) Close() error {
	p.closed = true
	return nil
}

// TestTemporaryFile: nothing is left of the file in which a long trace from a pipe is kept,
// whatever becomes of the trace. Where files need no name nothing is left even if the
// process is killed.
func TestTemporaryFile(t *testing.T) {
	long := strings.Repeat("# "+strings.Repeat("x", 1020)+"\n", 5<<10)
	for text, want := range map[string]string{
		"0s 192.0.2.7 -> 1001\n" + long: "",
		long + "0s me -> 1001\n":        "a.trace:5121:4: `me` is not an IPv4 or IPv6 address",
	} {
		folder := t.TempDir()
		left := func() []os.DirEntry {
			all, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		in := &pipe{}
		open := func(name string) (io.ReadCloser, error) {
			if name == "a.trace" {
				in.Reader = strings.NewReader(text)
				return in, nil
			}
			return files.open("ssh.knock")
		}
		for _, variable := range []string{"TMPDIR", "TMP"} {
			t.Setenv(variable, folder)
		}
		told := &onBegin{does: func() {
			if named := left(); len(named) > 0 && runtime.GOOS != "windows" {
				t.Errorf("%s has a name", named)
			}
		}}
		if got := replayed(t, "a.trace", open, told); got != want || !in.closed {
			t.Errorf("%q, want %q; closed: %v", got, want, in.closed)
		}
		if named := left(); len(named) > 0 {
			t.Errorf("%s is left", named)
		}
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		if got := replayed(t, "a.trace", open, &diary{}); !strings.Contains(got, "temporary file") {
			t.Errorf("the trace is too short for a temporary file: %q", got)
		}
	}
}
