//go:build !linux

package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"time"
)

func runApply(*streams, applyOptions) error { return needsLinux("apply") }

func runRehearse(*streams, rehearseOptions) error { return needsLinux("rehearse") }

func runStatus(*streams, statusOptions) error { return needsLinux("status") }

func runFollow(*streams, followOptions) error { return needsLinux("follow") }

func runRefill(*streams, string, string) error { return needsLinux("refill") }

func runGrant(*streams, string, string, netip.Addr, time.Duration) error { return needsLinux("grant") }

func runRevoke(*streams, string, string, netip.Prefix) error { return needsLinux("revoke") }

func runRemove(*streams, string) error { return needsLinux("remove") }

func runKeep(*streams, string) error { return needsLinux("keep") }

func runRollback(*streams, string, bool) error { return needsLinux("rollback") }

// needsLinux is the error of a command that works on the rules in a running kernel.
func needsLinux(command string) error {
	return fmt.Errorf("%s needs Linux, and this is %s: run it on the guarded host", command, runtime.GOOS)
}
