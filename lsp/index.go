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
	short  bool              // there are more files than were looked at
}

func newIndex() *index { return &index{traces: map[string]string{}} }

func (x *index) setRoots(roots []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.roots = roots
}

// Limits of what is looked at in the folders of a client.
const (
	maxFiles  = 500_000 // of any kind
	maxTraces = 20_000
)

// scan looks for traces in the folders.
func (x *index) scan() {
	x.mu.Lock()
	roots := x.roots
	x.mu.Unlock()
	seen := 0
	for _, root := range roots {
		root += string(filepath.Separator) // also if it is a link to a folder
		filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			seen++
			hidden := path != root && strings.HasPrefix(entry.Name(), ".")
			switch {
			case seen > maxFiles || x.full():
				x.setShort()
				return fs.SkipAll
			case err != nil, hidden && entry.IsDir(), entry.IsDir() && entry.Name() == "node_modules":
				return fs.SkipDir
			case filepath.Ext(path) == ".trace":
				x.read(filepath.Clean(path))
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
	if err != nil || len(entries) > maxTraces {
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
	f, err := openOnDisk(path)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		delete(x.traces, path)
		return
	}
	defer f.Close()
	r := trace.NewReader(f)
	r.Next()
	x.traces[path] = filepath.Clean(session.PolicyFile(path, r.Policy()))
}

// forget forgets the traces below a folder that is gone, and returns them.
func (x *index) forget(folder string) (gone []string) {
	if _, err := os.Lstat(folder); err == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for path := range x.traces {
		if strings.HasPrefix(path, folder+string(filepath.Separator)) {
			gone = append(gone, path)
			delete(x.traces, path)
		}
	}
	return gone
}

func (x *index) full() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.traces) >= maxTraces
}

// setShort notes that there are more files than were looked at.
func (x *index) setShort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.short = true
}

// isShort reports whether there may be traces that are not known.
func (x *index) isShort() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.short
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
	return filepath.Clean(session.PolicyFile(d.path, r.Policy()))
}
