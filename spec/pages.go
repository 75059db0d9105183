package spec

import "embed"

// Pages are the documents of this folder, by file name.
//
//go:embed *.md
var Pages embed.FS
