package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stdio is the name that stands for standard input or output.
const stdio = "-"

// read reads a whole file, or standard input.
func (s *streams) read(name string) ([]byte, error) {
	if name == stdio {
		src, err := io.ReadAll(s.in)
		if err != nil {
			return nil, fmt.Errorf("cannot read standard input: %w", err)
		}
		return src, nil
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, reason(err))
	}
	return src, nil
}

// write writes a whole file or none of it, or standard output. A file that
// exists keeps its mode, and if it is a symbolic link stays one; a new file
// gets the given mode.
func (s *streams) write(name string, data []byte, mode fs.FileMode) error {
	if name == stdio {
		_, err := s.out.Write(data)
		return err
	}
	if err := writeFile(name, data, mode); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, reason(err))
	}
	return nil
}

func writeFile(name string, data []byte, mode fs.FileMode) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if target, err := os.Readlink(name); err == nil {
			return fmt.Errorf("it is a symbolic link to %s, which does not exist", target)
		}
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular() || strings.HasPrefix(name, "/dev/") || strings.HasPrefix(name, "/proc/"):
		return writeStraight(name, data)
	default:
		mode = info.Mode().Perm()
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	return replaceFile(name, data, mode)
}

// writeStraight writes to what is no regular file: a pipe, a device.
func writeStraight(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// replaceFile writes beside the file and then takes its place.
func replaceFile(name string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// reason is an error without the file's name, which the message has already.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
