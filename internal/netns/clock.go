//go:build linux

package netns

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// HZ returns the number of jiffies in a second: CLOCK_MONOTONIC_COARSE has the
// resolution of one jiffy.
func HZ() int64 { return hz() }

var hz = sync.OnceValue(func() int64 {
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err != nil {
		panic(fmt.Sprintf("netns: resolution of CLOCK_MONOTONIC_COARSE: %v", err))
	}
	return (int64(time.Second) + tick.Nano()/2) / tick.Nano()
})

// Jiffy returns the kernel's count of jiffies, from a start that stays the same for the
// life of the process.
//
// It is the kernel's own variable, not an estimate from a clock: TCP_INFO of a socket
// that never sent anything gives the time since its last data in milliseconds as
// jiffies_to_msecs(tcp_jiffies32 - 0) (tcp_get_info). That can be converted back
// exactly if HZ divides 1000, as 100, 250 and 1000 do.
//
// CLOCK_MONOTONIC_COARSE does not work here. Both advance in the tick, but each by an
// amount of its own, so their distance varies by one jiffy, most of all after a CPU was
// idle. Then half of all readings can be off by one.
func Jiffy() int64 {
	c := idle()
	elapsed := int32(c.milliseconds() - c.start) // right across a wrap
	return (int64(c.start) + int64(elapsed)) * HZ() / 1000
}

// idleSocket is a TCP socket that is never used.
type idleSocket struct {
	fd    int
	start uint32 // first reading
}

var idle = sync.OnceValue(func() idleSocket {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(fmt.Sprintf("netns: open the socket that tells jiffies: %v", err))
	}
	c := idleSocket{fd: fd}
	c.start = c.milliseconds()
	return c
})

func (c idleSocket) milliseconds() uint32 {
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		panic(fmt.Sprintf("netns: read jiffies: %v", err))
	}
	return info.Last_data_sent
}
