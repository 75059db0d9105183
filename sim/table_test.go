package sim

import (
	"math/rand/v2"
	"testing"
)

// TestTable holds the table beside Go's map: what lives is found, and nothing else.
func TestTable(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		var mine table[int]
		beside := map[key]int{}
		for now := range 100_000 {
			k := key{0, uint64(r.IntN(3000)), 5}
			ends, found := beside[k], mine.find(k)
			switch {
			case ends > now:
				if found == nil || *found != ends {
					t.Fatalf("seed %d, %d: %v is lost", seed, now, k)
				}
				continue
			case found != nil && *found > now:
				t.Fatalf("seed %d, %d: %v has ended and lives", seed, now, k)
			}
			beside[k] = now + 1 + r.IntN(1500)
			if found != nil {
				*found = beside[k]
			} else {
				mine.insert(k, beside[k], func(ends *int) bool { return *ends <= now })
			}
		}
	}
}

// TestZeros: of all pairs of bytes beside each other those that are zero are marked.
func TestZeros(t *testing.T) {
	for pair := range uint64(1 << 16) {
		for at := 0; at <= 48; at += 8 {
			bytes := ^uint64(0)&^(0xffff<<at) | pair<<at
			var want uint64
			for i := 0; i < 64; i += 8 {
				if bytes>>i&0xff == 0 {
					want |= 0x80 << i
				}
			}
			if got := zeros(bytes); got != want {
				t.Fatalf("%016x: %016x, want %016x", bytes, got, want)
			}
		}
	}
}

// TestHashes: sources whose words a factor takes to nothing have hashes of their own.
func TestHashes(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range uint64(10_000) {
		for _, k := range []key{{0x20010db8<<32 | i, 0xd6e8feb86659fd93, 0}, {0x9e3779b97f4a7c15, i, 0}, {0, i, 0}, {i, 0, 0}} {
			seen[k.hash()&(1<<20-1)] = true
		}
	}
	if len(seen) < 39_000 {
		t.Errorf("40,000 keys have %d hashes of 20 bits", len(seen))
	}
}
