package sim

import (
	"math/bits"
	"net/netip"
)

// key names an element or a flow: an address and what else there is. The address is
// two words, of IPv4 the lower half of the second. id is never 0.
type key struct{ hi, lo, id uint64 }

// words are the two words of an address.
func words(a netip.Addr) (hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return 0, uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	}
	b := a.As16()
	return word(b[:8]), word(b[8:])
}

func word(b []byte) uint64 {
	return uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 |
		uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])
}

// address is the address of a key, of the family that the caller knows.
func (k key) address(v6 bool) netip.Addr {
	if !v6 {
		return netip.AddrFrom4([4]byte{byte(k.lo >> 24), byte(k.lo >> 16), byte(k.lo >> 8), byte(k.lo)})
	}
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(k.hi>>(56-8*i)), byte(k.lo>>(56-8*i))
	}
	return netip.AddrFrom16(b)
}

// table is a hash table with open addressing and linear probing, for values that
// end. Nothing is taken out of it but by sweeping all that has ended, so a lookup
// meets no holes.
type table[V any] struct {
	entries []entry[V] // a power of two
	used    int
}

type entry[V any] struct {
	key   key // id 0: empty
	value V
}

// find returns the value of a key, nil if there is none. It is valid until the next
// insertion.
func (t *table[V]) find(k key) *V {
	if len(t.entries) == 0 {
		return nil
	}
	mask := uint64(len(t.entries) - 1)
	for i := k.hash() & mask; ; i = (i + 1) & mask {
		e := &t.entries[i]
		if e.key == k {
			return &e.value
		}
		if e.key.id == 0 {
			return nil
		}
	}
}

// insert adds a key that is not there. If room is short, values that have ended are
// swept out first, and the table grows if that frees less than a quarter of it.
func (t *table[V]) insert(k key, v V, ended func(*V) bool) {
	if 8*(t.used+1) > 7*len(t.entries) {
		t.sweep(ended)
		if size := len(t.entries); 8*t.used > 5*size {
			t.rebuild(max(16, 2*size), func(*V) bool { return false })
		}
	}
	t.place(k, v)
}

func (t *table[V]) place(k key, v V) {
	mask := uint64(len(t.entries) - 1)
	i := k.hash() & mask
	for t.entries[i].key.id != 0 {
		i = (i + 1) & mask
	}
	t.entries[i] = entry[V]{k, v}
	t.used++
}

// sweep takes out what has ended, and gives room back that is not needed any more.
func (t *table[V]) sweep(ended func(*V) bool) {
	live := 0
	for i := range t.entries {
		if e := &t.entries[i]; e.key.id != 0 && !ended(&e.value) {
			live++
		}
	}
	if live == t.used && live > 0 {
		return
	}
	size := 16
	for 8*(live+1) > 5*size {
		size *= 2
	}
	t.rebuild(size, ended)
}

// rebuild moves what has not ended to a new array.
func (t *table[V]) rebuild(size int, ended func(*V) bool) {
	old := t.entries
	t.entries, t.used = make([]entry[V], size), 0
	for i := range old {
		if e := &old[i]; e.key.id != 0 && !ended(&e.value) {
			t.place(e.key, e.value)
		}
	}
}

// all yields all entries, also those that have ended.
func (t *table[V]) all(yield func(key, *V) bool) {
	for i := range t.entries {
		if e := &t.entries[i]; e.key.id != 0 && !yield(e.key, &e.value) {
			return
		}
	}
}

// hash mixes the words by folded multiplications.
func (k key) hash() uint64 {
	high, low := bits.Mul64(k.hi^0x9e3779b97f4a7c15, k.lo^0xd6e8feb86659fd93)
	high, low = bits.Mul64(high^low^k.id, 0xa0761d6478bd642f)
	return high ^ low
}
