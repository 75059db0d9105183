package session

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// OpenFile opens a file of the file system.
func OpenFile(name string) (io.ReadCloser, error) { return os.Open(name) }

// OpenRegular opens a regular file of the file system. Anything else is an error, and not
// touched: to open a pipe may block, and a device may have no end.
func OpenRegular(name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is no regular file")}
	}
	return os.Open(name)
}
