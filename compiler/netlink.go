//go:build linux

package compiler

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
)

// Load gives the ruleset to the kernel, in one transaction. It does the same as the
// script of [Ruleset.WriteNFT], except for the work of [Ruleset.DeclareCodes], which comes
// first, and of [Ruleset.SetCollections]. The connection must have nothing queued. For more
// than about a hundred rules it needs [WithBuffers]. Without them, after the error ENOBUFS
// it is unknown whether the ruleset was loaded.
func (r *Ruleset) Load(c *nftables.Conn) error {
	r.Queue(c)
	if err := c.Flush(); err != nil {
		return fmt.Errorf("load table %s: %w", r.Table, err)
	}
	return nil
}

// Queue queues what [Ruleset.Load] gives to the kernel, so that more can go into the same
// transaction.
func (r *Ruleset) Queue(c *nftables.Conn) {
	l := loader{
		conn:  c,
		table: &nftables.Table{Name: r.Table, Family: nftables.TableFamilyINet},
		maps:  map[string]*nftables.Set{},
	}
	c.AddTable(l.table)
	c.FlushTable(l.table)
	for _, d := range r.Maps() {
		l.addMap(d)
	}
	for _, name := range baseChains {
		c.DelChain(c.AddChain(&nftables.Chain{Table: l.table, Name: name}))
	}
	for _, counter := range r.Counters {
		l.addCounter(counter)
	}
	for _, s := range r.Sets {
		l.addSet(s)
	}
	for _, chain := range r.Chains {
		l.addChain(chain)
	}
	for _, d := range r.Maps() {
		l.addElements(l.maps[d.Name], dispatchElements(d))
	}
	for _, chain := range r.Chains {
		for _, rule := range chain.Rules {
			l.addRule(chain, rule)
		}
	}
}

// WithBuffers gives a connection buffers that are large enough for a ruleset of any
// size. The kernel reads a transaction from a single message (netlink_sendmsg: EMSGSIZE
// if it is longer than the buffer), and answers to each part of it before the first
// answer can be read (nfnl_err_deliver: ENOBUFS). The sizes are limits and take no
// memory. In a user namespace net.core.wmem_max and rmem_max still apply.
func WithBuffers() nftables.ConnOption { return nftables.WithSockOptions(SetBuffers) }

// SetBuffers does what [WithBuffers] does.
func SetBuffers(c *netlink.Conn) error {
	const size = math.MaxInt32 / 2 // the most that SO_SNDBUFFORCE doubles
	if err := c.SetWriteBuffer(size); err != nil {
		return err
	}
	return c.SetReadBuffer(size)
}

// ToKernel is a timeout in the kernel's form, where 0 means forever.
func ToKernel(d time.Duration) time.Duration {
	if d == lang.Forever {
		return 0
	}
	return d
}

// FromKernel is a timeout from the kernel's form.
func FromKernel(d time.Duration) time.Duration {
	if d == 0 {
		return lang.Forever
	}
	return d
}

// loader queues messages that make a ruleset.
type loader struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  uint32                   // made so far
	maps  map[string]*nftables.Set // those with a name
}

func (l *loader) addCounter(c *Counter) {
	l.conn.AddObj(&nftables.NamedObj{
		Table: l.table,
		Name:  c.Name,
		Type:  nftables.ObjTypeCounter,
		Obj:   &expr.Counter{},
	})
}

func (l *loader) addSet(s *Set) {
	l.queueSet(&nftables.Set{
		Name:       s.Name,
		KeyType:    s.keyType(),
		Dynamic:    true,
		HasTimeout: true,
		Size:       uint32(s.Size),
	}, nil)
}

func (s *Set) keyType() nftables.SetDatatype {
	if s.Codes {
		code := nftables.TypeInteger
		code.Bytes = codes.Size
		return code
	}
	return nftables.MustConcatSetType(addressTypes[s.Family], nftables.TypeMark)
}

// maxElements is a number of elements that fits in one message: their list is one
// attribute, whose length has 16 bits (google/nftables lets it overflow), and an
// element with a key, its end and the longest name of a chain (NFT_NAME_MAXLEN)
// takes about 320 bytes.
const maxElements = 200

func (l *loader) queueSet(s *nftables.Set, elements []nftables.SetElement) {
	l.sets++ // AddSet would number them too, but only for one connection at a time
	s.Table, s.ID = l.table, l.sets
	must(l.conn.AddSet(s, nil))
	s.Anonymous = false // or SetAddElements refuses; it reads the flag for that alone
	l.addElements(s, elements)
}

// addMap makes a map with a name, empty whatever an older one holds.
func (l *loader) addMap(d Dispatch) {
	s := d.mapSet()
	l.queueSet(&s, nil)
	l.conn.FlushSet(&s)
	l.maps[d.Name] = &s
}

func (l *loader) addElements(s *nftables.Set, elements []nftables.SetElement) {
	for some := range slices.Chunk(elements, maxElements) {
		must(l.conn.SetAddElements(s, some))
	}
}

// must is for errors of encoding, which the compiler's rulesets do not cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// addAnonymous makes an anonymous set or map for the rule that comes next, and
// returns its lookup.
func (l *loader) addAnonymous(s nftables.Set, elements []nftables.SetElement) *expr.Lookup {
	s.Anonymous, s.Constant = true, true
	// The size follows from Constant too, but as the number of elements in the
	// first message. The kernel takes this one, the later of two attributes.
	s.Size = uint32(len(elements))
	s.Name = "__set%d"
	if s.IsMap {
		s.Name = "__map%d"
		s.DataType = nftables.TypeVerdict
	}
	l.queueSet(&s, elements)
	return &expr.Lookup{SourceRegister: reg1, SetName: s.Name, SetID: s.ID, IsDestRegSet: s.IsMap}
}

func (l *loader) addChain(c *Chain) {
	chain := &nftables.Chain{Table: l.table, Name: c.Name}
	if c.Hook != nil {
		accept := nftables.ChainPolicyAccept
		chain.Type = nftables.ChainTypeFilter
		chain.Hooknum = [...]*nftables.ChainHook{
			Prerouting: nftables.ChainHookPrerouting, Input: nftables.ChainHookInput, Forward: nftables.ChainHookForward,
		}[c.Hook.Point]
		chain.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(c.Hook.Priority))
		chain.Policy = &accept
	}
	l.conn.AddChain(chain)
}

func (l *loader) addRule(c *Chain, r Rule) {
	e := expressions{loader: l}
	for _, i := range r.Instructions {
		e.instruction(i)
	}
	rule := &nftables.Rule{Table: l.table, Chain: &nftables.Chain{Name: c.Name}, Exprs: e.list}
	if r.Comment != "" {
		rule.UserData = userdata.AppendString(nil, userdata.TypeComment, r.Comment)
	}
	l.conn.AddRule(rule)
}

// intervals are the elements of an interval set: the first address of each
// interval, and the first one after it, if there is one. The kernel wants
// intervals that do not overlap (nft_rbtree_insert).
func intervals(f Family, prefixes []netip.Prefix) []nftables.SetElement {
	var elements []nftables.SetElement
	add := func(a netip.Addr, end bool) {
		elements = append(elements, nftables.SetElement{Key: a.AsSlice(), IntervalEnd: end})
	}
	merged := mergePrefixes(prefixes)
	if zero := [...]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}[f]; merged[0].first != zero {
		add(zero, true)
	}
	for _, m := range merged {
		add(m.first, false)
		if after := m.last.Next(); after.IsValid() {
			add(after, true)
		}
	}
	return elements
}

type addresses struct{ first, last netip.Addr }

// mergePrefixes returns the ranges that the prefixes make, in order, with none
// next to another.
func mergePrefixes(prefixes []netip.Prefix) []addresses {
	var merged []addresses
	sorted := slices.Clone(prefixes)
	slices.SortFunc(sorted, netip.Prefix.Compare)
	for _, p := range sorted {
		next := addresses{p.Masked().Addr(), lastAddress(p)}
		if n := len(merged); n > 0 && next.first.Prev().Compare(merged[n-1].last) <= 0 {
			if merged[n-1].last.Less(next.last) {
				merged[n-1].last = next.last
			}
			continue
		}
		merged = append(merged, next)
	}
	return merged
}

func lastAddress(p netip.Prefix) netip.Addr {
	a := p.Addr().AsSlice()
	for i := p.Bits(); i < p.Addr().BitLen(); i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(a)
	return last
}

func dispatchElements(d Dispatch) []nftables.SetElement {
	ranges := d.hasRanges()
	var elements []nftables.SetElement
	for _, e := range d.Entries {
		element := nftables.SetElement{Key: dispatchKey(e.Proto, e.First), VerdictData: e.Verdict.expr()}
		if ranges {
			element.KeyEnd = dispatchKey(e.Proto, e.Last)
		}
		elements = append(elements, element)
	}
	return elements
}

// namedElements are those of a map of ports alone. In one of ranges the end of each is an
// element of its own, see [intervals].
func namedElements(d Dispatch) []nftables.SetElement {
	var elements []nftables.SetElement
	port := func(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
	ranges := d.hasRanges()
	next := 0 // the first port that is in no element yet
	for _, e := range d.Entries {
		if ranges && int(e.First) > next {
			elements = append(elements, nftables.SetElement{Key: port(next), IntervalEnd: true})
		}
		elements = append(elements, nftables.SetElement{Key: port(int(e.First)), VerdictData: e.Verdict.expr()})
		next = int(e.Last) + 1
	}
	if ranges && next <= math.MaxUint16 {
		elements = append(elements, nftables.SetElement{Key: port(next), IntervalEnd: true})
	}
	return elements
}

// dispatchKey fills two registers of 4 bytes.
func dispatchKey(proto uint8, port uint16) []byte {
	return append([]byte{proto, 0, 0, 0}, byte(port>>8), byte(port), 0, 0)
}

func lengthElements(l Lengths) []nftables.SetElement {
	var elements []nftables.SetElement
	for _, e := range l.Entries {
		elements = append(elements, nftables.SetElement{
			Key:         binary.BigEndian.AppendUint16(nil, e.Bytes),
			VerdictData: e.Verdict.expr(),
		})
	}
	return elements
}
