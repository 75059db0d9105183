// Package codes makes one-time codes, and reads and makes the keys for them. A client with
// the key of a host can make a code in each period of time, and the host takes it once.
// Begin with [ReadKey], then [Key.Of] and [Period].
//
// The code of a period is the first 16 bytes of an HMAC-SHA-256 (RFC 2104) with the key.
// Its message is the name of the knock, a zero byte, and the number of the period as 8
// bytes, the highest first. Periods are counted as in RFC 6238: Unix time divided by their
// length, rounded down. testdata/vectors.json has examples for other implementations.
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

// MAC is what a client sends. It begins with the code; the host does not look at the rest.
type MAC [sha256.Size]byte

// Code is the code that the MAC begins with.
func (m MAC) Code() Code { return Code(m[:Size]) }

// Key is the secret that a host and its clients share.
type Key [32]byte

// Of is the MAC for a period of a knock.
func (k Key) Of(knock string, period int64) MAC { return k.Series(knock)(period) }

// Series is Of for many periods of a knock, faster.
func (k Key) Series(knock string) func(period int64) MAC {
	h := hmac.New(sha256.New, k[:])
	data := append([]byte(knock), 0)
	return func(period int64) (m MAC) {
		h.Reset()
		h.Write(binary.BigEndian.AppendUint64(data, uint64(period)))
		h.Sum(m[:0])
		return m
	}
}

// Period is the number of the period that a time is in, negative before 1970. The length
// is whole seconds, here and below.
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

// Ends is when the code of a period can no longer be used: at the end of the next period,
// for clients whose clocks are late and for datagrams that take their time.
func Ends(period int64, length time.Duration) time.Time { return Begins(period+2, length) }
