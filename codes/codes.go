// Package codes makes one-time codes: who has a key can prove it once in each period of time.
// Begin with [ReadKey].
//
// The code of a period is the beginning of an HMAC-SHA-256 (RFC 2104) with the key over the
// name of the knock, a zero byte, and the number of the period as 8 bytes, highest first.
// Periods are counted as RFC 6238 counts them: Unix time divided by their length.
package codes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Size is the number of bytes of a code.
const Size = 16

// Code is a one-time code.
type Code [Size]byte

// MAC is what a client sends. It begins with the code, and nobody looks at the rest.
type MAC [sha256.Size]byte

// Code is the code that the MAC begins with.
func (m MAC) Code() Code { return Code(m[:Size]) }

// Key is the secret that a host and its clients share.
type Key [32]byte

// Of is the MAC of a knock's period.
func (k Key) Of(knock string, period int64) (m MAC) {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(knock))
	h.Write([]byte{0})
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	copy(m[:], h.Sum(nil))
	return m
}

// Period is the number of the period that a time is in. It may be negative.
func Period(t time.Time, length time.Duration) int64 {
	at, seconds := t.Unix(), int64(length/time.Second)
	n := at / seconds
	if at%seconds < 0 {
		n--
	}
	return n
}

// Begins is when a period begins.
func Begins(period int64, length time.Duration) time.Time {
	return time.Unix(period*int64(length/time.Second), 0)
}

// Ends is when the code of a period ends, if nobody uses it: with the period after it, for
// clients whose clocks are late and datagrams that take their time.
func Ends(period int64, length time.Duration) time.Time { return Begins(period+2, length) }
