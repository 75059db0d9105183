package replay

import (
	"knockc/compiler"
	"knockc/lang"
	"knockc/sim"
)

// tracked is what connection tracking said of a packet.
type tracked struct {
	state   compiler.ConnState
	assured bool
}

// track is what connection tracking said of a machine's last packet.
func track(m *sim.Machine) (k tracked) {
	k.state, k.assured = m.Tracked()
	return k
}

func (k tracked) established() bool { return k.state == compiler.StateEstablished }

// isRepeat reports whether the packet is a SYN that is sent again before the handshake is
// done.
func (k tracked) isRepeat(p *sim.Packet) bool {
	return isSYN(p) && k.established() && !k.assured
}

// isAttemptAtStep reports whether the packet is an attempt if it goes to a step.
func (k tracked) isAttemptAtStep(p *sim.Packet) bool {
	return !p.Broadcast && (isSYN(p) || p.Proto == lang.Ping || p.Proto == lang.UDP && k.state == compiler.StateNew)
}

// isAttemptAtService reports whether the packet is an attempt if it goes to a service.
func (k tracked) isAttemptAtService(p *sim.Packet) bool {
	return k.isAttemptAtStep(p) && !k.isRepeat(p)
}

// isSYN reports whether a packet is a segment that asks for a connection.
func isSYN(p *sim.Packet) bool {
	return p.Proto == lang.TCP && p.Flags&(lang.SYN|lang.FIN|lang.RST|lang.ACK) == lang.SYN
}
