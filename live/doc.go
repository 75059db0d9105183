//go:build linux

// Package live works on the table of a policy in the running kernel: it applies policies,
// also on trial, tells who has got how far, and changes who may pass. Begin with [NewHost].
//
// What it knows of a table it reads from the table: the mark in the first rule's
// comment tells that knockc made it, the other comments tell what the rules do. So it
// does not matter which way the rules were loaded, or from which file, or whether they are a
// fragment in a user's table: see [Location].
//
// Which one-time codes are loaded is decided in supply.go, and nowhere else.
//
// A [Host] says in which order things are done, and what is undone if one fails. It does
// not read a clock and knows no kernel: it works on a [Clock] and two interfaces, for the
// tables and for what processes leave for each other. [NewHost] has the real ones, over
// netlink and in files; tests have them in memory.
package live
