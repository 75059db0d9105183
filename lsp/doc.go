// Package lsp is a language server for policies and traces. [Serve] speaks the Language
// Server Protocol 3.17 with one client, an editor.
//
// Messages are handled in their order. A change makes a new world, in which each document
// is immutable; requests and checks run beside, each in the world that it began with. Work
// on a world is dropped when the next change comes.
package lsp
