//go:build !unix

package codes

import "io/fs"

// exposed knows nothing of access control lists.
func exposed(fs.FileInfo) string { return "" }
