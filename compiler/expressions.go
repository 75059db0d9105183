//go:build linux

package compiler

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
)

// expressions are a rule in the kernel's form. What an instruction takes for
// granted, that the packet is of a family or a transport protocol, is matched
// before it, unless the rule has done so already. It is done exactly where nft does
// it, which leaves these matches out of its listings.
type expressions struct {
	loader *loader
	list   []expr.Any
	family *Family // matched
	proto  *uint8  // matched
}

// reg1 is the register that all but the end of a key is read into. A key's parts
// lie one after the other.
const reg1 = unix.NFT_REG_1

// deletes is NFT_DYNSET_OP_DELETE.
const deletes = 2

var afterAddress = [...]uint32{IPv4: unix.NFT_REG32_01, IPv6: unix.NFT_REG_2}

func (e *expressions) add(list ...expr.Any) { e.list = append(e.list, list...) }

func (e *expressions) instruction(i Instruction) {
	switch i := i.(type) {
	case CtState:
		e.ctState(i)
	case Iface:
		e.iface(i)
	case L4Proto:
		e.matchProto(i.Number)
	case Ports:
		e.ports(i)
	case TCPFlags:
		e.tcpFlags(i)
	case Translated:
		e.add(&expr.Ct{Key: expr.CtKeySTATUS, Register: reg1})
		e.mask(native(uint32(1 << 5))) // IPS_DST_NAT
		e.compare(true, native(0))
	case AddrType:
		e.add(&expr.Fib{Register: reg1, FlagDADDR: true, ResultADDRTYPE: true})
		e.compare(i.Not, native([...]uint32{unix.RTN_LOCAL, unix.RTN_BROADCAST, unix.RTN_ANYCAST, unix.RTN_MULTICAST}[i.Kind]))
	case Source:
		e.prefixes(i.Family, i.Prefixes, saddr)
	case Destination:
		e.prefixes(i.Family, i.Prefixes, daddr)
	case ICMP:
		e.icmp(i)
	case Length:
		e.length(i.Family)
		e.compare(i.Not, binary.BigEndian.AppendUint16(nil, i.Bytes))
	case Lookup:
		e.lookup(i)
	case Update:
		e.key(i.Key)
		e.add(&expr.Dynset{SrcRegKey: reg1, SetName: i.Set, Operation: unix.NFT_DYNSET_OP_UPDATE, Timeout: ToKernel(i.Timeout)})
	case Delete:
		e.key(i.Key)
		e.add(&expr.Dynset{SrcRegKey: reg1, SetName: i.Set, Operation: deletes})
	case Spend:
		e.code()
		e.add(&expr.Lookup{SourceRegister: reg1, SetName: i.Set})
		e.code()
		e.add(&expr.Dynset{SrcRegKey: reg1, SetName: i.Set, Operation: deletes})
	case Count:
		e.add(&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: i.Counter})
	case Log:
		e.add(&expr.Log{Key: 1 << unix.NFTA_LOG_PREFIX, Data: []byte(i.Prefix)})
	case Dispatch:
		e.dispatch(i)
	case Lengths:
		e.lengths(i)
	case Verdict:
		e.add(i.expr())
	case Reject:
		e.reject(i)
	default:
		panic(fmt.Sprintf("compiler: no expressions for %T", i))
	}
}

// compare breaks unless register 1 begins with the data, or with not if it does.
func (e *expressions) compare(not bool, data []byte) {
	op := expr.CmpOpEq
	if not {
		op = expr.CmpOpNeq
	}
	e.add(&expr.Cmp{Op: op, Register: reg1, Data: data})
}

func (e *expressions) mask(mask []byte) {
	e.add(&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))})
}

// native is a number as registers hold it that are no part of a packet.
func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func (e *expressions) meta(key expr.MetaKey) { e.add(&expr.Meta{Key: key, Register: reg1}) }

func (e *expressions) payload(base expr.PayloadBase, register uint32, offset, length int) {
	e.add(&expr.Payload{DestRegister: register, Base: base, Offset: uint32(offset), Len: uint32(length)})
}

func (e *expressions) needFamily(f Family) {
	if e.family != nil && *e.family == f {
		return
	}
	e.meta(expr.MetaKeyNFPROTO)
	e.compare(false, []byte{[...]byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6}[f]})
	e.family = &f
}

func (e *expressions) matchProto(number uint8) {
	e.meta(expr.MetaKeyL4PROTO)
	e.compare(false, []byte{number})
	e.proto = &number
}

func (e *expressions) hasProto(number uint8) bool { return e.proto != nil && *e.proto == number }

func (e *expressions) ctState(c CtState) {
	var bits uint32
	for state, bit := range map[ConnState]uint32{
		StateNew:         expr.CtStateBitNEW,
		StateEstablished: expr.CtStateBitESTABLISHED,
		StateRelated:     expr.CtStateBitRELATED,
		StateInvalid:     expr.CtStateBitINVALID,
	} {
		if c.States&state != 0 {
			bits |= bit
		}
	}
	e.add(&expr.Ct{Key: expr.CtKeySTATE, Register: reg1})
	if c.Not {
		e.compare(true, native(bits)) // as nft has it
		return
	}
	e.mask(native(bits))
	e.compare(true, native(0))
}

// iface compares the zero that ends the name too, unless the name may go on.
func (e *expressions) iface(i Iface) {
	name := []byte(i.Name)
	if !i.Wildcard {
		name = append(name, make([]byte, unix.IFNAMSIZ-len(name))...)
	}
	e.meta(expr.MetaKeyIIFNAME)
	e.compare(false, name)
}

// loadPort reads the destination port of a transport header.
func (e *expressions) loadPort(register uint32) {
	e.payload(expr.PayloadBaseTransportHeader, register, 2, 2)
}

func (e *expressions) ports(p Ports) {
	first := binary.BigEndian.AppendUint16(nil, p.First)
	last := binary.BigEndian.AppendUint16(nil, p.Last)
	e.loadPort(reg1)
	switch {
	case p.First == p.Last:
		e.compare(p.Not, first)
	case p.Not:
		e.add(&expr.Range{Op: expr.CmpOpNeq, Register: reg1, FromData: first, ToData: last})
	default:
		e.add(&expr.Cmp{Op: expr.CmpOpGte, Register: reg1, Data: first})
		e.add(&expr.Cmp{Op: expr.CmpOpLte, Register: reg1, Data: last})
	}
}

func (e *expressions) tcpFlags(t TCPFlags) {
	if !e.hasProto(ProtoTCP) {
		e.matchProto(ProtoTCP)
	}
	e.payload(expr.PayloadBaseTransportHeader, reg1, 13, 1)
	e.mask([]byte{byte(t.Mask)})
	e.compare(t.Not, []byte{byte(t.Flags)})
}

// The places of the addresses in the IP header.
var (
	saddr = [...]int{IPv4: 12, IPv6: 8}
	daddr = [...]int{IPv4: 16, IPv6: 24}
)

// address reads the address at a place, cut to its first bits.
func (e *expressions) address(f Family, at [2]int, bits int) {
	e.needFamily(f)
	e.payload(expr.PayloadBaseNetworkHeader, reg1, at[f], f.Bits()/8)
	if bits < f.Bits() {
		e.mask(mask(f, bits).AsSlice())
	}
}

func (e *expressions) prefixes(f Family, prefixes []netip.Prefix, at [2]int) {
	if len(prefixes) == 1 {
		p := prefixes[0].Masked()
		e.address(f, at, p.Bits())
		e.compare(false, p.Addr().AsSlice())
		return
	}
	e.address(f, at, f.Bits())
	set := nftables.Set{KeyType: addressTypes[f], Interval: true}
	e.add(e.loader.addAnonymous(set, intervals(f, prefixes)))
}

func (e *expressions) icmp(i ICMP) {
	proto := [...]uint8{IPv4: ProtoICMP, IPv6: ProtoICMPv6}[i.Family]
	if !e.hasProto(proto) {
		e.needFamily(i.Family)
		e.matchProto(proto)
	}
	e.payload(expr.PayloadBaseTransportHeader, reg1, 0, 1)
	if len(i.Types) == 1 {
		e.compare(false, i.Types)
		return
	}
	var elements []nftables.SetElement
	for _, t := range i.Types {
		elements = append(elements, nftables.SetElement{Key: []byte{t}})
	}
	keyType := [...]nftables.SetDatatype{nftables.TypeICMPType, nftables.TypeICMP6Type}[i.Family]
	e.add(e.loader.addAnonymous(nftables.Set{KeyType: keyType}, elements))
}

// length reads the length field of the IP header.
func (e *expressions) length(f Family) {
	e.needFamily(f)
	e.payload(expr.PayloadBaseNetworkHeader, reg1, [...]int{IPv4: 2, IPv6: 4}[f], 2)
}

// code reads what of a datagram is a one-time code.
func (e *expressions) code() {
	e.payload(expr.PayloadBaseTransportHeader, reg1, udpHeader, codes.Size)
}

// key makes a key from register 1 on.
func (e *expressions) key(k Key) {
	e.address(k.Family, saddr, k.Bits)
	e.add(&expr.Immediate{Register: afterAddress[k.Family], Data: native(k.State)})
}

// lookup makes the state from the packet's mark: nft has no listing of a lookup
// with a constant in its key.
func (e *expressions) lookup(l Lookup) {
	state := afterAddress[l.Key.Family]
	e.address(l.Key.Family, saddr, l.Key.Bits)
	e.add(
		&expr.Meta{Key: expr.MetaKeyMARK, Register: state},
		&expr.Bitwise{SourceRegister: state, DestRegister: state, Len: 4, Mask: native(0), Xor: native(l.Key.State)},
		&expr.Lookup{SourceRegister: reg1, SetName: l.Set, Invert: l.Not},
	)
}

func (e *expressions) dispatch(d Dispatch) {
	if d.Named != 0 {
		const original = 0 // IP_CT_DIR_ORIGINAL
		e.matchProto(d.Named)
		e.add(&expr.Ct{Key: expr.CtKeyPROTODST, Direction: original, Register: reg1})
		e.add(e.loader.addAnonymous(nftables.Set{IsMap: true, KeyType: nftables.TypeInetService, Interval: d.hasRanges()}, namedElements(d)))
		return
	}
	e.meta(expr.MetaKeyL4PROTO)
	e.loadPort(unix.NFT_REG32_01)
	if m := e.loader.maps[d.Name]; m != nil {
		e.add(&expr.Lookup{SourceRegister: reg1, SetName: m.Name, SetID: m.ID, IsDestRegSet: true})
		return
	}
	e.add(e.loader.addAnonymous(d.mapSet(), dispatchElements(d)))
}

// mapSet is the map without its elements.
func (d Dispatch) mapSet() nftables.Set {
	ranges := d.hasRanges()
	return nftables.Set{
		Name:          d.Name,
		IsMap:         true,
		KeyType:       nftables.MustConcatSetType(nftables.TypeInetProto, nftables.TypeInetService),
		DataType:      nftables.TypeVerdict,
		Interval:      ranges,
		Concatenation: ranges,
	}
}

func (e *expressions) lengths(l Lengths) {
	keyType := nftables.TypeInteger
	keyType.Bytes = 2
	e.length(l.Family)
	e.add(e.loader.addAnonymous(nftables.Set{IsMap: true, KeyType: keyType}, lengthElements(l)))
}

func (v Verdict) expr() *expr.Verdict {
	kind := [...]expr.VerdictKind{
		Accept: expr.VerdictAccept,
		Drop:   expr.VerdictDrop,
		Goto:   expr.VerdictGoto,
		Jump:   expr.VerdictJump,
		Return: expr.VerdictReturn,
	}[v.Kind]
	return &expr.Verdict{Kind: kind, Chain: v.Chain}
}

// reject names the ICMP error by the family if that is known, as nft does; the
// packet sent is the same. For a reset nft matches TCP at the rule's beginning
// (stmt_evaluate_reset), so that for other packets none of the rule is run.
func (e *expressions) reject(r Reject) {
	switch {
	case r.Reset:
		if !e.hasProto(ProtoTCP) {
			rule := e.list
			e.list = nil
			e.matchProto(ProtoTCP)
			e.add(rule...)
		}
		e.add(&expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	case e.family == nil:
		e.add(&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH})
	default:
		code := [...]uint8{IPv4: 3, IPv6: 4}[*e.family] // RFC 792, RFC 4443
		e.add(&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: code})
	}
}

var addressTypes = [...]nftables.SetDatatype{IPv4: nftables.TypeIPAddr, IPv6: nftables.TypeIP6Addr}
