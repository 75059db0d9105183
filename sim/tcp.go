package sim

import (
	"time"

	"example.org/knockc/lang"
)

// tcpState is what connection tracking knows of a TCP flow.
type tcpState uint8

const (
	tcpNone tcpState = iota
	tcpSynSent
	tcpSynReceived
	tcpEstablished
	tcpFinWait
	tcpCloseWait
	tcpLastAck
	tcpTimeWait
	tcpSynSent2 // both have sent a SYN
	tcpStates

	tcpClosed  // the segment ends the flow
	tcpIgnored // it leaves the flow as it is
	tcpInvalid // it does not belong to the flow
)

// tcpKind is what of a segment's flags moves a flow.
type tcpKind uint8

const (
	tcpSYN tcpKind = iota
	tcpSYNACK
	tcpFIN
	tcpACK
	tcpKinds
)

// tcpNext is where a segment leads, from whoever began the flow, and in answer
// (tcp_conntracks in nf_conntrack_proto_tcp.c; a RST always ends the flow). A SYN in
// TIME_WAIT begins another.
var tcpNext = func() (next [2][tcpKinds][tcpStates]tcpState) {
	const (
		sSS, sSR, sES, sFW, sCW = tcpSynSent, tcpSynReceived, tcpEstablished, tcpFinWait, tcpCloseWait
		sLA, sTW, sS2, sIG, sIV = tcpLastAck, tcpTimeWait, tcpSynSent2, tcpIgnored, tcpInvalid
	)
	next[0] = [tcpKinds][tcpStates]tcpState{ //  sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sS2
		tcpSYN:    {sSS, sSS, sIG, sIG, sIG, sIG, sIG, sSS, sS2},
		tcpSYNACK: {sIV, sIV, sSR, sIV, sIV, sIV, sIV, sIV, sSR},
		tcpFIN:    {sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sIV},
		tcpACK:    {sES, sIV, sES, sES, sCW, sCW, sTW, sTW, sIV},
	}
	next[1] = [tcpKinds][tcpStates]tcpState{
		tcpSYN:    {sIV, sS2, sIV, sIV, sIV, sIV, sIV, sSS, sS2},
		tcpSYNACK: {sIV, sSR, sIG, sIG, sIG, sIG, sIG, sIG, sSR},
		tcpFIN:    {sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sIV},
		tcpACK:    {sIV, sIG, sSR, sES, sCW, sCW, sTW, sTW, sIG},
	}
	return next
}()

// next is where a segment with valid flags leads.
func (s tcpState) next(flags lang.Flags, answer bool) tcpState {
	way := 0
	if answer {
		way = 1
	}
	switch {
	case flags&lang.RST != 0 && s == tcpNone:
		return tcpInvalid
	case flags&lang.RST != 0:
		return tcpClosed
	case flags&(lang.SYN|lang.ACK) == lang.SYN|lang.ACK:
		return tcpNext[way][tcpSYNACK][s]
	case flags&lang.SYN != 0:
		return tcpNext[way][tcpSYN][s]
	case flags&lang.FIN != 0:
		return tcpNext[way][tcpFIN][s]
	}
	return tcpNext[way][tcpACK][s]
}

// answered is where the host's answer leads if it answers at once: a SYN with a SYN/ACK,
// all others with an ACK.
func (s tcpState) answered() tcpState {
	flags := lang.ACK
	if s == tcpSynSent {
		flags |= lang.SYN
	}
	return s.next(flags, true)
}

// tcpIdle is how long a flow lasts if no other segment comes: the kernel's defaults.
var tcpIdle = [tcpStates]time.Duration{
	tcpSynSent: 2 * time.Minute, tcpSynReceived: time.Minute, tcpEstablished: 5 * 24 * time.Hour,
	tcpFinWait: 2 * time.Minute, tcpCloseWait: time.Minute, tcpLastAck: 30 * time.Second,
	tcpTimeWait: 2 * time.Minute, tcpSynSent2: 2 * time.Minute,
}

// tcpPickedUp is how long one lasts that began with an ACK, until a segment follows the first
// answer.
const tcpPickedUp = 5 * time.Minute

// validFlags reports whether a segment's flags are among those that TCP uses
// (tcp_valid_flags in nf_conntrack_proto_tcp.c).
func validFlags(f lang.Flags) bool {
	switch f &^ lang.PSH {
	case lang.SYN, lang.SYN | lang.URG, lang.SYN | lang.ACK,
		lang.RST, lang.RST | lang.ACK,
		lang.FIN | lang.ACK, lang.FIN | lang.ACK | lang.URG,
		lang.ACK, lang.ACK | lang.URG:
		return true
	}
	return false
}
