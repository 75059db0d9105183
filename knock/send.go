package knock

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/lang"
)

// Ready returns an error if the sequence cannot be sent to an address, because there is
// no route to it or because the user may not ping. It sends nothing.
func (s Sequence) Ready(to netip.Addr) error {
	if err := route(to); err != nil {
		return fmt.Errorf("cannot reach %s: %w", to, err)
	}
	for i, step := range s.Steps {
		if step.Proto != lang.Ping {
			continue
		}
		if err := mayPing(to); err != nil {
			return stepError(i, step, err)
		}
		break // the others are alike
	}
	return nil
}

// Send sends the steps to an address with the delay between them. It returns when the
// last one has been sent. The error names the step that failed.
func (s Sequence) Send(to netip.Addr, delay time.Duration) error {
	start := time.Now()
	for i, step := range s.Steps {
		time.Sleep(time.Until(start.Add(time.Duration(i) * delay)))
		if err := s.send(to, step); err != nil {
			return stepError(i, step, err)
		}
	}
	return nil
}

func stepError(i int, step lang.Step, err error) error {
	return fmt.Errorf("cannot send step %d, %s: %w", i+1, lang.Quote(step.String()), err)
}

func (s Sequence) send(to netip.Addr, step lang.Step) error {
	switch {
	case step.Code:
		code, err := s.Secret.datagram(time.Now())
		if err != nil {
			return err
		}
		return sendDatagram(to, step.Port, code)
	case step.Proto == lang.UDP:
		return sendDatagram(to, step.Port, []byte{'\n'}) // some firewalls drop empty datagrams
	case step.Proto == lang.Ping:
		return sendPing(to, pingLength(step))
	}
	return sendSYN(to, step.Port)
}

// discard is a port that stands for any: to connect a UDP socket only looks for a route.
const discard = 9

func pingLength(step lang.Step) int {
	if step.Length == lang.AnyLength {
		return lang.UsualPingLength
	}
	return step.Length
}

// echoRequest is an ICMP or ICMPv6 echo request. Only the checksum of ICMP is here: that
// of ICMPv6 is the kernel's.
func echoRequest(to netip.Addr, length int) []byte {
	const header, typeV4, typeV6 = 8, 8, 128
	b := make([]byte, header+length)
	if to.Is6() {
		b[0] = typeV6
		return b
	}
	b[0] = typeV4
	binary.BigEndian.PutUint16(b[2:], ^uint16(typeV4<<8)) // all else is zero
	return b
}
