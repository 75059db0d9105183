//go:build linux

package live

import (
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
)

// For the tests outside.
var (
	ElsewherePolicies = elsewherePolicies
	CasePolicies      = casePolicies
)

// Kernel is what a Host does its work with.
type Kernel = kernel

// OpenKernel connects to the kernel of the thread's network namespace.
func OpenKernel() (*Kernel, error) {
	k := &kernel{clock: MonotonicClock{}}
	return k, k.connect()
}

// MonotonicClock is that of the machine.
type MonotonicClock struct{}

func (MonotonicClock) Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

func (MonotonicClock) Sleep(d time.Duration) { time.Sleep(d) }

func (MonotonicClock) Wall() time.Time { return time.Now() }

// NewTestHost is a Host of the thread's namespace whose clocks and notes are a test's.
func NewTestHost(clock Clock, boot func() (string, error), files string) *Host {
	return &Host{
		clock: clock, tables: &kernel{clock: clock}, notes: &folder{files, clock}, codes: &codeFile{files, clock},
		boot: boot, start: func([]string, time.Duration) error { return nil },
	}
}

// BeforeLoad has a function run once, after all was noted and before rules and codes are loaded.
func (h *Host) BeforeLoad(f func()) { h.tables = &slowTables{h.tables, f} }

// slowTables take a while to load.
type slowTables struct {
	tables
	before func()
}

func (s *slowTables) Load(r *compiler.Ruleset, c *codeChange) error {
	if s.before != nil {
		s.before()
		s.before = nil
	}
	return s.tables.Load(r, c)
}
