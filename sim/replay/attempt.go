package replay

import (
	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// isAttempt reports whether a packet is an attempt if it goes to a step or to a service.
func isAttempt(p *sim.Packet, state compiler.ConnState) bool {
	return !p.Broadcast && (isSYN(p) || p.Proto == lang.Ping || p.Proto == lang.UDP && state == compiler.StateNew)
}

// isSYN reports whether a packet is a segment that asks for a connection.
func isSYN(p *sim.Packet) bool {
	return p.Proto == lang.TCP && p.Flags.IsSYN()
}
