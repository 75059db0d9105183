package compiler

import (
	"time"

	"example.org/knockc/lang"
)

// DefaultCollect is the kernel's default time between two collections of ended elements
// in a set (nft_set_gc_interval).
const DefaultCollect = time.Second

// slowCollect is the time for sets of one-time codes. They are large, few of their elements
// end at a time, and those that have ended are in nobody's way.
const slowCollect = 5 * time.Minute

// fastCollect is the time for sets in which a wrong attempt ends an element that the
// next right attempt makes again. All ended elements of one key are in one chain of the
// set's hash table. The longer that chain is, the more each packet costs that searches
// it.
const fastCollect = 50 * time.Millisecond

// collect is the time between two collections in the sets of a kind.
func (b *builder) collect(kind SetKind) time.Duration {
	ends := kind == FirstSteps || kind == Steps || kind == ClosingFirst || kind == ClosingSteps
	for _, k := range b.policy.Knocks {
		if ends && resetMode(k) != lang.ResetNone && hasProgress(k) {
			return fastCollect
		}
	}
	return DefaultCollect
}
