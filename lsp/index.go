package lsp

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/session"
)

// index knows the traces in the folders of the client, and beside documents that were
// open.
type index struct {
	mu     sync.Mutex
	roots  []string
	traces map[string]string // their policies, by path
}

func newIndex() *index { return &index{traces: map[string]string{}} }

func (x *index) setRoots(roots []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.roots = roots
}

// maxFiles limits how many files are looked at in the folders of a client.
const maxFiles = 20_000

// scan looks for traces in the folders.
func (x *index) scan() {
	x.mu.Lock()
	roots := x.roots
	x.mu.Unlock()
	seen := 0
	for _, root := range roots {
		filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			seen++
			hidden := path != root && strings.HasPrefix(entry.Name(), ".")
			switch {
			case seen > maxFiles:
				return fs.SkipAll
			case err != nil, hidden && entry.IsDir(), entry.IsDir() && entry.Name() == "node_modules":
				return fs.SkipDir
			case filepath.Ext(path) == ".trace":
				x.read(path)
			}
			return nil
		})
	}
}

// look looks at a file again, and at those beside it.
func (x *index) look(path string) {
	x.read(path)
	if !filepath.IsAbs(path) {
		return
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > maxFiles {
		return
	}
	for _, entry := range entries {
		if beside := filepath.Join(filepath.Dir(path), entry.Name()); filepath.Ext(beside) == ".trace" {
			x.read(beside)
		}
	}
}

// read notes the policy of a trace on the disk, or that there is none.
func (x *index) read(path string) {
	if !isTrace(path) {
		return
	}
	f, err := session.OpenRegular(path)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		delete(x.traces, path)
		return
	}
	defer f.Close()
	r := trace.NewReader(f)
	r.Next()
	x.traces[path] = session.PolicyFile(path, r.Policy())
}

// all are the policies of all traces, as they are in a world.
func (x *index) all(w *world) map[string]string {
	x.mu.Lock()
	all := maps.Clone(x.traces)
	x.mu.Unlock()
	for path, d := range w.open {
		delete(all, path)
		if d.trace {
			all[path] = d.policyFile()
		}
	}
	return all
}

// policyFile is the path of the policy that a trace names.
func (d *document) policyFile() string {
	r := trace.NewReader(strings.NewReader(d.src))
	r.Next()
	return session.PolicyFile(d.path, r.Policy())
}
