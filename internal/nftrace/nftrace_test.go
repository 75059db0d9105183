//go:build linux

package nftrace

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHostileMessages reads messages that are cut anywhere, and lengths that lie.
func TestHostileMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := make([]byte, r.IntN(80))
		for i := range b {
			b[i] = byte(r.IntN(24))
		}
		if len(b) >= 6 {
			binary.NativeEndian.PutUint32(b, uint32(r.IntN(len(b)+4)))
			binary.NativeEndian.PutUint16(b[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_TRACE)
		}
		eventsOf(b)
	}
}

// TestBook finds rules by their handles, and reads a table once.
func TestBook(t *testing.T) {
	lists := 0
	b := Book{List: func(...string) (string, error) {
		lists++
		return `table ip filter { # handle 4
	chain input { # handle 1
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept # handle 7
		jump more comment "# handle 9" # handle 8
	}
	chain more { # handle 2
		drop # handle 9
	}
}
`, nil
	}}
	const table = "table ip filter"
	for _, test := range []struct {
		chain  string
		handle uint64
		want   string
		at     int
	}{
		{"input", 7, "tcp dport 22 accept", 0}, {"input", 8, `jump more comment "# handle 9"`, 1},
		{"more", 9, "drop", 0}, {"input", 9, "", -1},
	} {
		r, at := b.Rule(Event{Chain: Chain{table, test.chain}, Handle: test.handle})
		if r.Text != test.want || at != test.at {
			t.Errorf("rule %d of %s is %q, at %d; want %q, at %d", test.handle, test.chain, r.Text, at, test.want, test.at)
		}
	}
	if lists != 1 {
		t.Errorf("it lists the table %d times", lists)
	}
}
