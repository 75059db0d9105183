package lsp

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim/session"
)

// world is what the server knows between two changes. It is not changed itself.
type world struct {
	open   map[string]*document // by path
	number int                  // worlds are counted
	traces map[string]string    // the policies of traces, open or in the folders of the client; by path
}

// document is an open document.
type document struct {
	uri, path string
	trace     bool // else it is a policy
	version   int
	*text

	once     sync.Once
	policy   *lang.Policy
	findings []lang.Finding // of a policy
}

// with is the world with a document opened or changed, or without it if that is nil.
func (w *world) with(path string, d *document) *world {
	next := &world{open: maps.Clone(w.open), traces: w.traces}
	if d == nil {
		delete(next.open, path)
	} else {
		next.open[path] = d
	}
	return next
}

// examined reads a policy, once. It is nil for a trace.
func (d *document) examined() (*lang.Policy, []lang.Finding) {
	d.once.Do(func() {
		if d.trace {
			return
		}
		d.policy, d.findings = lang.Examine([]byte(d.src))
		if !lang.HasErrors(d.findings) {
			d.findings = append(d.findings, compiler.Check(d.policy)...)
			lang.SortFindings(d.findings)
		}
	})
	return d.policy, d.findings
}

// maxFile is how much of a file that is not open is read, for what stands in it.
const maxFile = 64 << 20

// document is an open document, or a file as it is on the disk; nil if there is none.
func (w *world) document(path string) *document {
	if d := w.open[path]; d != nil {
		return d
	}
	f, err := openOnDisk(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil
	}
	return &document{uri: uriOf(path), path: path, trace: isTrace(path), text: newText(string(src))}
}

// openFile opens a document, or else a file.
func (w *world) openFile(path string) (io.ReadCloser, error) {
	if d := w.open[filepath.Clean(path)]; d != nil {
		return openText{strings.NewReader(d.src)}, nil
	}
	return openOnDisk(path)
}

// openOnDisk opens a file whose reading cannot block, which that of some below /proc can.
func openOnDisk(path string) (io.ReadCloser, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"/proc/", "/sys/", "/dev/"} {
		if strings.HasPrefix(real, folder) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
		}
	}
	return session.OpenRegular(path)
}

// openText is a document that can be read like a file.
type openText struct{ *strings.Reader }

func (openText) Close() error { return nil }

// isTrace reports whether a file's name is that of a trace.
func isTrace(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".trace" || ext == ".txt"
}

// pathOf is the path of a URI. What is not a file has its URI as its path.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return uri
	}
	path := u.Path
	if os.PathSeparator == '\\' { // file:///c%3A/policy.knock
		path = strings.TrimPrefix(path, "/")
	}
	return filepath.Clean(filepath.FromSlash(path))
}

// uriOf is the URI of a path.
func uriOf(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
