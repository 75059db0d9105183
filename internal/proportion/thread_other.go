//go:build !linux

package proportion

import "time"

var begin = time.Now()

// threadTime is the time that has passed: the next best where no clock is a thread's own.
func threadTime() time.Duration { return time.Since(begin) }
