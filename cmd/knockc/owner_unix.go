//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of an older one, if they differ.
func keepOwner(f *os.File, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	had, ok1 := old.Sys().(*syscall.Stat_t)
	has, ok2 := now.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || had.Uid == has.Uid && had.Gid == has.Gid {
		return nil
	}
	return f.Chown(int(had.Uid), int(had.Gid))
}
