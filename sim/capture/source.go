package capture

import (
	"io"
	"math"
	"net/netip"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// Options are facts that a capture itself may not contain.
type Options struct {
	Hosts []netip.Addr   // the host's addresses; none: the capture must tell
	At    []netip.Prefix // addresses of other hosts, if packets that are forwarded to them matter
	Iface string         // what packets arrive on; "": what the capture says, or [trace.DefaultIface]
}

// Kind is the direction of a packet.
type Kind uint8

const (
	ToHost   Kind = iota + 1 // or to another, see [sim.Packet.To]
	FromHost                 // with the addresses and ports of what it answers, or would be answered by
	Between                  // from an address of [Options.At] to another: it answers one, or is the first
)

// Source reads the packets of a capture.
type Source struct {
	file    io.ReadSeeker
	reader  *reader
	options Options
	hosts   []netip.Addr
	answers bool // the capture holds packets from the host, or from an address of At

	rec                    record
	frame                  frame
	datagram               datagram
	segment                segment
	fragments4, fragments6 fragments
	forwarded              forwarded
	stats                  Stats

	begun bool
	first int64         // when the first record was, as a record has it
	now   time.Duration // since then
}

// OpenFile reads a capture of any size, and holds little of it in memory at a time. It
// begins at the beginning of the file, whatever the file's offset is. If the options
// name no host, it looks for the host in the whole capture. The error is an
// [UnknownHostError] if the capture does not show the host, a [CompressedError] if it is
// compressed, and an [Error] if it is broken.
func OpenFile(file io.ReadSeeker, o Options) (*Source, error) {
	s := &Source{file: file, options: o}
	for _, host := range o.Hosts {
		s.hosts = append(s.hosts, host.Unmap().WithZone(""))
	}
	if err := s.restart(); err != nil {
		return nil, err
	}
	if len(s.hosts) > 0 {
		return s, s.findAnswers()
	}
	oneWay, err := s.findHosts()
	if err != nil || oneWay {
		return s, err
	}
	return s, s.findAnswers()
}

// restart goes back to the first packet.
func (s *Source) restart() (err error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	s.fragments4, s.fragments6 = fragments{timeout: timeout4}, fragments{timeout: timeout6, v6: true}
	s.forwarded = forwarded{}
	s.stats, s.begun, s.now = Stats{}, false, 0
	s.reader, err = newReader(s.file)
	return err
}

// findAnswers looks whether the capture holds packets from the host. What is wrong
// with the capture it leaves to be found again.
func (s *Source) findAnswers() error {
	var p sim.Packet
	for !s.answers {
		kind, err := s.Next(&p)
		if err != nil {
			break
		}
		s.answers = kind == FromHost
	}
	return s.restart()
}

// Next reads the next packet to or from the host, or an address of [Options.At]; the
// error is io.EOF if there is none. Its time is relative to the capture's first record,
// and never before that of the packet before it. A packet from the host belongs to the
// flow that it answers: its source is the source that the host has answered. A packet
// to the host is marked [sim.Packet.Unanswered] if the capture has no immediate answer
// to it. If the capture has no packets from the host at all, none is marked, as in a
// trace.
func (s *Source) Next(p *sim.Packet) (Kind, error) {
	for {
		if err := s.reader.next(&s.rec); err != nil {
			s.fragments4.expire(math.MaxInt64)
			s.fragments6.expire(math.MaxInt64)
			return 0, err
		}
		s.stats.Records++
		s.tick()
		reason := s.decode(p)
		if reason == 0 {
			var kind Kind
			if kind, reason = s.direct(p); reason == 0 {
				return kind, nil
			}
		}
		s.stats.LeftOut[reason]++
	}
}

// Stats says what happened to the records so far.
func (s *Source) Stats() Stats {
	stats := s.stats
	stats.Incomplete = s.fragments4.lost + s.fragments6.lost
	return stats
}

// Began is when the capture's first record was, which is time zero of its packets. It is
// known with the first packet.
func (s *Source) Began() time.Time { return time.Unix(0, s.first) }

// Record is the number of the last packet's record, counted from 1.
func (s *Source) Record() int { return s.stats.Records }

// latest is a time that no capture gets beyond; there is room after it to add
// timeouts to.
const latest = time.Duration(1) << 62

// tick moves the time on to that of the record.
func (s *Source) tick() {
	if !s.rec.timed {
		return
	}
	if !s.begun {
		s.begun, s.first = true, s.rec.at
	}
	if s.rec.at < s.first {
		s.stats.Backwards++
		return
	}
	at := time.Duration(min(uint64(s.rec.at)-uint64(s.first), uint64(latest)))
	if at < s.now {
		s.stats.Backwards++
		return
	}
	s.now = at
}

// decode reads the headers of the record, whichever way it went.
func (s *Source) decode(p *sim.Packet) Reason {
	if reason := s.frame.read(&s.rec); reason != 0 {
		return reason
	}
	if reason := s.datagram.read(s, &s.frame); reason != 0 {
		return reason
	}
	return s.segment.read(&s.datagram, p)
}

// direct completes a packet that goes to the host or comes from it.
func (s *Source) direct(p *sim.Packet) (Kind, Reason) {
	p.Time, p.Iface, p.To, p.Own = s.now, s.iface(), netip.Addr{}, false
	w := s.way()
	if w == wayBetween && s.segment.reply {
		w = wayBack
	}
	switch w {
	case wayTo, wayGroup, wayOn, wayBetween:
		return s.toHost(p, w)
	case wayFrom, wayBack:
		return s.fromHost(p, w)
	}
	return 0, OtherHost
}

func (s *Source) toHost(p *sim.Packet, w way) (Kind, Reason) {
	switch {
	case s.segment.reply:
		return 0, OtherICMP
	case p.Iface != "lo" && s.impossible():
		return 0, BadSource
	}
	p.Src = s.datagram.src
	p.Broadcast, p.Alone, p.Unanswered = w == wayGroup, false, s.answers
	s.countShort()
	if w == wayTo || w == wayGroup {
		s.stats.ToHost++
		s.own(p, s.datagram.dst)
		return ToHost, 0
	}
	p.To = s.datagram.dst
	s.stats.ToAt++
	if w == wayBetween && p.Proto != lang.Ping {
		return Between, 0
	}
	return ToHost, 0
}

func (s *Source) fromHost(p *sim.Packet, w way) (Kind, Reason) {
	if reason := s.noAnswer(p); reason != 0 {
		return 0, reason
	}
	p.Src = s.datagram.dst
	p.Broadcast, p.Alone, p.Unanswered = false, false, false
	if p.Proto != lang.Ping {
		p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
	}
	if w == wayFrom {
		s.stats.FromHost++
		s.own(p, s.datagram.src)
		return FromHost, 0
	}
	p.To = s.datagram.src
	s.stats.FromAt++
	return FromHost, 0
}

// own notes an address of the host that is in [Options.At].
func (s *Source) own(p *sim.Packet, addr netip.Addr) {
	if s.at(addr) {
		p.To, p.Own = addr, true
	}
}

// noAnswer is why a packet from the host answers nothing, else 0.
func (s *Source) noAnswer(p *sim.Packet) Reason {
	switch {
	case s.segment.short:
		return Malformed
	case p.Proto == lang.Ping && !s.segment.reply, group(s.datagram.dst):
		return OwnGroup
	}
	return 0
}

func (s *Source) countShort() {
	if s.segment.short {
		s.stats.Short++
	}
}

// iface is what the record arrived on.
func (s *Source) iface() string {
	switch {
	case s.frame.loopback:
		return "lo"
	case s.options.Iface != "":
		return s.options.Iface
	case s.rec.port.name != "":
		return s.rec.port.name
	}
	return trace.DefaultIface
}
