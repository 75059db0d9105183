package sim

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// key names an element or a flow: an address and what else there is. The address is
// two words, of IPv4 the lower half of the second.
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
// meets no holes. What most lookups look at is a byte for each place, eight at a time.
type table[V any] struct {
	tags    []uint8    // 0 is an empty place, else bits of the key's hash; then the first ones again
	entries []entry[V] // a power of two
	used    int
}

type entry[V any] struct {
	key   key
	value V
}

// group is how many tags are looked at at once.
const group = 8

// tag is never 0, and made of bits that do not choose the place.
func tag(hash uint64) uint8 { return uint8(hash>>56) | 1 }

// zeros marks the highest bit of each byte that is zero. What leaves a place leaves its key
// there, so none may be marked that is not.
func zeros(bytes uint64) uint64 {
	const most = ones * 0x7f
	return ^(bytes&most + most | bytes | most)
}

// ones has the lowest bit of each byte.
const ones = 0x0101010101010101

// find returns the value of a key, nil if there is none. It is valid until the next
// insertion.
func (t *table[V]) find(k key) *V {
	if len(t.entries) == 0 {
		return nil
	}
	hash, mask := k.hash(), uint64(len(t.entries)-1)
	wanted := uint64(tag(hash)) * ones
	for i := hash & mask; ; i = (i + group) & mask {
		tags := binary.LittleEndian.Uint64(t.tags[i:])
		for found := zeros(tags ^ wanted); found != 0; found &= found - 1 {
			e := &t.entries[(i+uint64(bits.TrailingZeros64(found)/8))&mask]
			if e.key == k {
				return &e.value
			}
		}
		if zeros(tags) != 0 {
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
			t.resize(2 * size)
		}
	}
	t.place(k, v)
}

func (t *table[V]) place(k key, v V) {
	hash, mask := k.hash(), uint64(len(t.entries)-1)
	i := hash & mask
	for t.tags[i] != 0 {
		i = (i + 1) & mask
	}
	t.setTag(int(i), tag(hash))
	t.entries[i] = entry[V]{k, v}
	t.used++
}

func (t *table[V]) setTag(i int, tag uint8) {
	t.tags[i] = tag
	if i < group {
		t.tags[len(t.entries)+i] = tag
	}
}

// sweep takes out what has ended, and gives room back that is not needed any more.
func (t *table[V]) sweep(ended func(*V) bool) {
	t.replace(ended)
	size := 16
	for 8*(t.used+1) > 5*size {
		size *= 2
	}
	if size < len(t.entries) || len(t.entries) == 0 {
		t.resize(size)
	}
}

// replace takes each entry out and places it again, if it has not ended. It begins
// after an empty place, so that each finds one where it was or before.
func (t *table[V]) replace(ended func(*V) bool) {
	mask := len(t.entries) - 1
	begin := bytes.IndexByte(t.tags, 0)
	for i := begin + 1; i <= begin+mask; i++ {
		at := i & mask
		if t.tags[at] == 0 {
			continue
		}
		t.setTag(at, 0)
		t.used--
		if e := &t.entries[at]; !ended(&e.value) {
			t.place(e.key, e.value)
		}
	}
}

// clear takes all out.
func (t *table[V]) clear() {
	clear(t.tags)
	t.used = 0
}

// resize moves all entries to an array of another size.
func (t *table[V]) resize(size int) {
	old := *t
	*t = table[V]{tags: make([]uint8, size+group), entries: make([]entry[V], size)}
	for k, v := range old.all {
		t.place(k, *v)
	}
}

// all yields all entries, also those that have ended.
func (t *table[V]) all(yield func(key, *V) bool) {
	for i := range t.entries {
		if e := &t.entries[i]; t.tags[i] != 0 && !yield(e.key, &e.value) {
			return
		}
	}
}

// hash mixes the words by folded multiplications. Where one of these comes to nothing,
// what it has multiplied still counts.
func (k key) hash() uint64 {
	high, low := bits.Mul64(k.hi^0x9e3779b97f4a7c15, k.lo^0xd6e8feb86659fd93)
	mixed := high ^ low ^ k.lo ^ bits.RotateLeft64(k.hi, 32) ^ k.id
	high, low = bits.Mul64(mixed, 0xa0761d6478bd642f)
	return high ^ low ^ mixed
}
