//go:build linux

package netns

// TB is what this package uses of a testing.TB. With it, a program that makes a [Host]
// with [NewHost] does without package testing.
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
	Skipf(format string, args ...any)
}
