// Package live works on the table of a policy in the running kernel, over netlink: it
// loads a policy, tells who has got how far, and changes who may pass.
//
// What it knows of a table it reads from the table: the mark in the first rule's
// comment tells that knockc made it, the other comments tell what the rules do. So it
// does not matter which way the rules were loaded, or from which file.
//
// A [Host] belongs to the network namespace of the thread that opened it.
package live
