package session

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/replay"
)

// ErrTicked says that a capture does not go together with [Options.HZ].
var ErrTicked = errors.New("the packets of a capture have met a clock already")

var errCaptured = errors.New("this is a capture, not a trace")

// ErrNotCapture says that a file is not a capture.
var ErrNotCapture = errors.New("this is not a capture")

// FaultyCapture is the error for a capture that cannot be replayed.
type FaultyCapture struct {
	Name string
	Err  error
}

func (e *FaultyCapture) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *FaultyCapture) Unwrap() error { return e.Err }

// captureError tells an error of the capture's content from one of reading it.
func captureError(name string, err error) error {
	var broken *capture.Error
	var unknown *capture.UnknownHostError
	var compressed *capture.CompressedError
	if errors.As(err, &broken) || errors.As(err, &unknown) || errors.As(err, &compressed) {
		return &FaultyCapture{name, err}
	}
	return readError(name, err)
}

// replayCapture replays a capture.
func (s *run) replayCapture(in *input, result *Result) error {
	c, err := s.openCapture(in)
	if err != nil {
		return err
	}
	err = s.play(&Trace{Name: in.name, Capture: true, Forwards: c.forwards}, func(see func(replay.Outcome)) error {
		return s.captured(c.player, c.source, see)
	}, result)
	stats := c.source.Stats()
	result.Stats = &stats
	s.warnOfHosts(in.name, c.source)
	s.played(c.policy, c.player, result)
	if err != nil {
		return captureError(in.name, err)
	}
	return nil
}

// openedCapture is a capture that is ready to be replayed against its policy.
type openedCapture struct {
	policy   *Policy
	source   *capture.Source
	player   *replay.Player
	forwards bool // the policy guards services of other hosts
}

func (s *run) openCapture(in *input) (*openedCapture, error) {
	if s.HZ != 0 {
		return nil, &FaultyCapture{in.name, ErrTicked}
	}
	policy, err := s.policies.Of(in.name, nil)
	if err != nil {
		return nil, err
	}
	o := s.Capture
	o.At = forwardedTo(policy.Result.Policy)
	source, err := capture.OpenFile(in, o)
	if err != nil {
		return nil, captureError(in.name, err)
	}
	player, err := s.newPlayer(policy)
	if err != nil {
		return nil, err
	}
	if err := useKeys(player, policy); err != nil {
		return nil, &FaultyCapture{in.name, err}
	}
	return &openedCapture{policy, source, player, len(o.At) > 0}, nil
}

// useKeys reads the keys of the policy's one-time codes. What a payload means, nobody can
// tell without.
func useKeys(player *replay.Player, policy *Policy) error {
	keys := map[string]codes.Key{}
	for _, c := range policy.Result.Codes {
		file := c.Key.Path
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(policy.File), file)
		}
		key, err := codes.ReadKey(file)
		if err != nil {
			return fmt.Errorf("whether packets have one-time codes of %s needs the key: %w", c.Knock, err)
		}
		keys[c.Knock] = key
	}
	player.UseKeys(keys)
	return nil
}

// forwardedTo are the addresses of other hosts that a policy names.
func forwardedTo(policy *lang.Policy) []netip.Prefix {
	at := map[netip.Prefix]bool{}
	for _, k := range policy.Knocks {
		for _, prefix := range k.At {
			at[prefix.Prefix] = true
		}
	}
	return slices.Collect(maps.Keys(at))
}

// captured plays the packets of a capture.
func (s *run) captured(player *replay.Player, source *capture.Source, see func(replay.Outcome)) error {
	end := s.end()
	var packet sim.Packet
	var event capturedEvent
	for {
		kind, err := source.Next(&packet)
		player.StartAt(source.Began())
		switch {
		case err == io.EOF || err == nil && packet.Time > end:
			return nil
		case err != nil:
			return err
		case !player.Answer(kind, &packet):
			expired := player.Expired(packet.Time)
			verdict, changes := player.Packet(&packet)
			e := event.of(&packet, source.Record())
			e.Packet.Code = player.Code(&packet)
			see(replay.Outcome{
				Event: e, At: packet.Time, DstPort: packet.DstPort,
				Got: replay.Ruled(verdict), Moves: player.Moves(changes), Expired: expired,
			})
		}
	}
}

// capturedEvent has room for the event of a captured packet.
type capturedEvent struct {
	event  trace.Event
	packet trace.Packet
	ping   trace.Ping
	to     trace.To
	on     lang.Name
}

// of is the event of a trace that a captured packet corresponds to, until the next call.
// Its line is the packet's number in the capture.
func (c *capturedEvent) of(p *sim.Packet, number int) *trace.Event {
	e, k := &c.event, &c.packet
	e.At, e.Packet, e.Span.Start.Line = p.Time, k, number
	k.Src, k.SrcPort, k.Proto, k.DstPort, k.Flags = p.Src, p.SrcPort, p.Proto, p.DstPort, p.Flags
	k.Ping, k.To, k.On = nil, nil, nil
	if p.Proto == lang.Ping {
		c.ping.Length = uint16(p.Length)
		k.Ping = &c.ping
	}
	if p.To.IsValid() {
		c.to.Addr = p.To
		k.To = &c.to
	}
	if p.Iface != trace.DefaultIface {
		c.on.Text = p.Iface
		k.On = &c.on
	}
	return e
}

// warnOfHosts warns if a capture has nothing to do with the host that was named.
func (s *run) warnOfHosts(name string, source *capture.Source) {
	most, missed := source.Missed()
	if !missed {
		return
	}
	var hosts, others []string
	for _, host := range s.Capture.Hosts {
		hosts = append(hosts, host.String())
	}
	for _, d := range most {
		others = append(others, fmt.Sprintf("%s (%d)", d.Addr, d.Packets))
	}
	s.summary.Warnings = append(s.summary.Warnings, fmt.Errorf("%s: no packet is to or from %s; most go to %s",
		name, strings.Join(hosts, " or "), strings.Join(others, ", ")))
}
