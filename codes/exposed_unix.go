//go:build unix

package codes

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

func exposed(info fs.FileInfo) string {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("can be read or written by others (mode %04o): chmod 600 it, or make a new key", mode)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Geteuid() {
		return fmt.Sprintf("belongs to another user (number %d), who can read it", owner.Uid)
	}
	return ""
}
