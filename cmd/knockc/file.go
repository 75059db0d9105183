package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/session"
)

// stdio is the name that stands for standard input or output.
const stdio = "-"

// read reads a policy, or so much of a long one that [lang.Parse] says that it is too long.
func (s *streams) read(name string) ([]byte, error) { return s.readSome(name, lang.MaxPolicy+1) }

// readWhole reads a file that may have a number of bytes at most; what names its kind.
func (s *streams) readWhole(name, what string, most int) ([]byte, error) {
	src, err := s.readSome(name, most+1)
	if len(src) <= most || err != nil {
		return src, err
	}
	begin := lang.Pos{Line: 1, Column: 1}
	return nil, lang.NewFileFindings(name, bytes.NewReader(nil), []lang.Finding{{
		Code: lang.CodeText, Severity: lang.Error, Span: lang.Span{Start: begin, End: begin},
		Message: fmt.Sprintf("%s is at most %d MiB long here, and this is longer", what, most>>20),
	}})
}

// readSome reads a file, or standard input, which can be read once. It reads a number of
// bytes at most, because there may be no end.
func (s *streams) readSome(name string, most int) ([]byte, error) {
	from := name
	if name == stdio {
		if s.inTaken {
			return nil, usagef("standard input can be read only once")
		}
		s.inTaken, from = true, "standard input"
	}
	if info, err := os.Stat(name); name != stdio && err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name a file in it", lang.Printable(name))
	}
	f, err := s.open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", from, reason(err))
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, int64(most)))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", from, reason(err))
	}
	return src, nil
}

// filesIn are the files that an argument stands for: itself, or those in a folder, and in
// folders in it, whose names have one of the endings.
func filesIn(name string, endings ...string) ([]string, error) {
	if info, err := os.Stat(name); name == stdio || err != nil || !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	root := name + string(filepath.Separator) // also if it is a link to a folder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", path, reason(err))
		case hidden && entry.IsDir():
			return fs.SkipDir
		case !hidden && entry.Type().IsRegular() && slices.Contains(endings, filepath.Ext(path)):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// noFiles is the error about folders in which there is nothing to read.
func noFiles(names []string, endings ...string) error {
	return fmt.Errorf("no file in %s is named *%s", lang.Printable(strings.Join(names, ", ")), strings.Join(endings, " or *"))
}

// open opens a file, or standard input, which can be read once.
func (s *streams) open(name string) (io.ReadCloser, error) {
	if name != stdio {
		return session.OpenFile(name)
	}
	return io.NopCloser(s.in), nil
}

// write writes a whole file or none of it, or standard output. A file that
// exists keeps its mode and owner, and if it is a symbolic link stays one; a new
// file gets the given mode.
func (s *streams) write(name string, data []byte, mode fs.FileMode) error {
	return s.writeBy(name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeBy is write for what a function writes.
func (s *streams) writeBy(name string, mode fs.FileMode, write func(io.Writer) error) error {
	switch name {
	case stdio, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return write(s.out)
	}
	if err := writeFile(name, mode, write); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, reason(err))
	}
	return nil
}

func writeFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if target, err := os.Readlink(name); err == nil {
			return fmt.Errorf("it is a symbolic link to %s, which does not exist", target)
		}
		return replaceFile(name, mode, nil, write)
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder")
	}
	// Even a file that is replaced must be one that could be written.
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.Join(write(f), f.Close())
	}
	f.Close()
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	return replaceFile(name, info.Mode().Perm(), info, write)
}

// replaceFile writes beside the file and then takes its place. The file's owner
// is kept if old tells of one.
func replaceFile(name string, mode fs.FileMode, old fs.FileInfo, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".knockc-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = write(f)
	if old != nil {
		err = errors.Join(err, keepOwner(f, old))
	}
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// sameFile reports whether two names are of the same file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// reason is an error without the names of files, which the message has already.
func reason(err error) error {
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case errors.As(err, &pathError):
		return pathError.Err
	case errors.As(err, &linkError):
		return linkError.Err
	}
	return err
}
