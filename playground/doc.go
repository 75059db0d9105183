// Package playground answers what a page asks in which someone writes a policy and a trace:
// what is wrong with them, what the trace does, and which rules are built. [Answer] needs no
// network, clock or file system. The page is made by `make playground` from page/, which has
// this package as WebAssembly, by way of wasm/.
package playground
