package lang

import (
	"fmt"
	"slices"
	"time"
)

// Linux hands out ports of this range to programs that ask for any
// (net.ipv4.ip_local_port_range).
const firstEphemeral, lastEphemeral = 32768, 60999

// The ports that nmap tries with --top-ports 20.
var (
	scannedFirstTCP = []uint16{21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1723, 3306, 3389, 5900, 8080}
	scannedFirstUDP = []uint16{53, 67, 68, 69, 123, 135, 137, 138, 139, 161, 162, 445, 500, 514, 520, 631, 1434, 1900, 4500, 49152}
)

// knock says how a single knock may fail.
func (c *checker) knock(k *Knock) {
	coded := k.CodeStep() >= 0 // nobody does that step by chance
	if len(k.Steps) == 1 && !coded && !onePingAnswers(k.Steps) && !neverOpens(k) {
		c.add(CodeSingleStep, k.Steps[0].Span, "a single step opens this door: any port scan finds it").
			hint("use three steps or more")
	}
	for i, s := range k.AllSteps() {
		if !coded || i >= len(k.Steps) {
			c.port(s)
		}
	}
	c.times(k)
	c.total(k)
	c.closes(k)
	if at, ok := k.Given[ClausePer]; ok {
		c.per(at, k.Per)
	}
	c.perAndFrom(k)
	if at, ok := k.Given[ClauseAt]; ok {
		c.at(at, k.At)
	}
	if at, ok := k.Given[ClauseOnce]; ok && slices.ContainsFunc(k.Services, func(s Service) bool { return s.Proto == UDP }) {
		c.add(CodeOnceUDP, at, "the first datagram to a UDP service ends the grant, even if it is not answered").
			hint("leave `once` out, or give the UDP services a knock of their own")
	}
	if len(k.Steps) > 1 && !coded {
		c.scans(k)
	}
	c.withoutCode(k)
}

// port says why a port makes a bad step.
func (c *checker) port(s Step) {
	first := scannedFirstTCP
	if s.Proto == UDP {
		first = scannedFirstUDP
	}
	switch {
	case s.Proto == Ping:
	case slices.Contains(first, s.Port):
		c.add(CodeScannedFirst, s.Span, "step %s is among the twenty ports that scanners try first", Quote(s.String())).
			hint("use a port that no well-known service has")
	case firstEphemeral <= s.Port && s.Port <= lastEphemeral:
		c.add(CodeEphemeral, s.Span, "step %s is in the range %d-%d, which the host gives to its own programs", Quote(s.String()), firstEphemeral, lastEphemeral).
			hint("use a port below %d", firstEphemeral)
	}
}

// times says what is odd about the durations that a knock has itself.
func (c *checker) times(k *Knock) {
	if at, ok := k.Given[ClauseWithin]; ok {
		c.within(at, k.Within, k.CodeStep() >= 0)
	}
	at, ok := k.Given[ClauseGrant]
	switch {
	case k.Grant == Forever && len(k.Close) == 0:
		if !ok {
			at = k.Name.Span
		}
		c.add(CodeGrant, at, "this door never closes again").hint("add a `close` sequence, or a duration")
	case ok:
		c.grant(at, k.Grant)
	}
}

// defaults says what is odd about the clauses that hold for all knocks.
func (c *checker) defaults(d *Clauses) {
	if at, ok := d.Given[ClauseWithin]; ok {
		c.within(at, d.Within, false)
	}
	if at, ok := d.Given[ClauseGrant]; ok {
		c.grant(at, d.Grant)
	}
	if at, ok := d.Given[ClausePer]; ok {
		c.per(at, d.Per)
	}
}

// within says that steps must follow each other fast, or may come by chance, which a step
// with a code never does.
func (c *checker) within(at Span, d time.Duration, coded bool) {
	switch {
	case d != 0 && d < 100*time.Millisecond:
		c.add(CodeWithin, at, "%s is short: network delay will make many correct knocks arrive too late", FormatDuration(d)).
			hint("within 5s")
	case d > time.Minute && !coded:
		c.add(CodeWithin, at, "%s is long: unrelated packets may complete this sequence by chance", FormatDuration(d)).
			hint("within 5s")
	}
}

func (c *checker) grant(at Span, d time.Duration) {
	if d > time.Hour && d != Forever {
		c.add(CodeGrant, at, "the door stays open for %s, for everyone who shares the address", FormatDuration(d)).
			hint("existing connections stay when the grant ends: 30s is enough to connect")
	}
}

// total says why a limit on the whole sequence does not do what it says. If the
// limit is from `defaults`, it is said at the knock's name.
func (c *checker) total(k *Knock) {
	if k.Total == 0 {
		return
	}
	at, ownTotal := k.Given[ClauseTotal]
	if !ownTotal {
		at = k.Name.Span
	}
	gaps := time.Duration(max(len(k.Steps), len(k.Close)) - 1)
	_, ownWithin := k.Given[ClauseWithin]
	hasWithin := ownWithin || c.policy.Defaults.Within != 0
	switch {
	case !hasWithin && ownTotal && gaps > 0:
		c.within(at, k.Within, k.CodeStep() >= 0) // which is the total
	case gaps == 0 && ownTotal:
		c.add(CodeTotal, at, "`total` has no effect: a sequence of one step takes no time").hint("leave it out")
	case hasWithin && gaps > 0 && k.Total >= gaps*k.Within:
		c.add(CodeTotal, at, "`total %s` has no effect: %s", FormatDuration(k.Total), gapsUnder(int(gaps), k.Within)).
			hint("leave it out, or make it shorter than %s", FormatDuration(gaps*k.Within))
	case gaps > 0 && ownTotal && !ownWithin && k.Within < k.Total:
		c.add(CodeTotal, at, "steps must still be less than %s apart, because of the `within` in `defaults`", FormatDuration(k.Within)).
			hint("within %s", FormatDuration(k.Total))
	}
}

func gapsUnder(n int, within time.Duration) string {
	if n == 1 {
		return fmt.Sprintf("the only gap is less than %s", FormatDuration(within))
	}
	return fmt.Sprintf("%d gaps of less than %s are less than %s together", n, FormatDuration(within), FormatDuration(time.Duration(n)*within))
}

// per says that very many sources count as one.
func (c *checker) per(at Span, per Per) {
	if per.IPv4 != 0 && per.IPv4 < 16 || per.IPv6 != 0 && per.IPv6 < 48 {
		c.add(CodePer, at, "a single knock opens the door for a whole /%d of IPv4 and /%d of IPv6", per.IPv4, per.IPv6).
			hint("per /24 /64")
	}
}

// at says where a knock's services are not guarded.
func (c *checker) at(at Span, prefixes []Prefix) {
	if c.policy.Settings.Hook == HookInput {
		c.add(CodeHookAt, at, "`hook input` sees only packets that the host itself receives: services behind the host are not guarded").
			hint("leave `hook input` out")
	}
	is4 := func(p Prefix) bool { return p.Addr().Is4() }
	is6 := func(p Prefix) bool { return p.Addr().Is6() }
	if has4 := slices.ContainsFunc(prefixes, is4); !has4 || !slices.ContainsFunc(prefixes, is6) {
		other := "IPv4"
		if has4 {
			other = "IPv6"
		}
		c.add(CodeOneFamily, at, "`at` has no %s address: over %s, this knock guards nothing and opens nothing", other, other).
			hint("add the %s addresses of the services, if they have any", other)
	}
}

// perAndFrom says that sources are larger than what they may knock from.
func (c *checker) perAndFrom(k *Knock) {
	at, ok := k.Given[ClausePer]
	if !ok {
		at = k.Given[ClauseFrom]
	}
	for _, f := range k.From {
		length := k.Per.IPv6
		if f.Addr().Is4() {
			length = k.Per.IPv4
		}
		if length < f.Bits() {
			c.add(CodePer, at, "a source of /%d is larger than %s, which `from` admits", length, f).
				hint("make that length of `per` at least /%d", f.Bits())
			return
		}
	}
}
