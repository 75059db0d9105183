package spec

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/lang"
)

// The random pairs use few ports and short deadlines, so that knocks share
// ports, steps repeat, and deadlines pass. All durations are whole multiples of
// a tick at every usual HZ.
const (
	firstStep, lastStep       = 1001, 1005
	firstCode, lastCode       = 1006, 1007 // of steps with one-time codes; the host answers at the last
	firstService, lastService = 2001, 2006
	openPort                  = 3001 // open, if anything is
	elsewhere                 = 3000 // no policy speaks of it
	inUse                     = 3002 // nor of this one, but the host answers there
	unit                      = 100 * time.Millisecond
)

// A trace is shorter than a period, and begins shortly before or after the end of one.
const (
	codePeriod = 10 * time.Second
	codesAhead = 30 // periods
)

var starts = []int64{0, 8, 9, 1795867208}

// The interfaces that packets arrive on, and what a policy may say of them.
var (
	arrivals = []string{"eth0", "eth0", "eth0", "wg7", "lan0"}
	listenOn = []lang.Iface{{Name: "eth0"}, {Name: "wg7"}, {Name: "eth", Wildcard: true}, {Name: "wg", Wildcard: true}, {Name: "nowhere0"}}
)

// The hosts behind the host, and what `at` may say of them.
var (
	others4 = []string{"198.19.0.5", "198.19.0.6", "198.19.9.9"}
	others6 = []string{"2001:db8:aaaa::5", "2001:db8:aaaa::6", "2001:db8:bbbb::9"}
	atSome  = []string{"198.19.0.5", "198.19.0.0/24", "2001:db8:aaaa::5", "2001:db8:aaaa::/48"}
)

// What is open, to whom. Who is admitted to a guarded service need not knock.
var opens = []string{
	fmt.Sprintf("open %d udp/%d", openPort, openPort),
	fmt.Sprintf("open %d udp/%d from 10.0.0.0/9 2001:db8::/33", openPort, openPort),
	fmt.Sprintf("open %d on wg7 from 0.0.0.0/0 ::/0", openPort),
	"open 2001-2003 udp/2002 from 10.0.0.0/9 2001:db8::/33",
	`open udp/2001-2006 2005 on "wg*" lan0`,
}

// The parts of addresses that the sources of one trace differ in: those behind
// the number of the trace.
var (
	hosts4 = []byte{1, 2, 130}
	hosts6 = []uint16{1, 2, 0x8001}
)

var protos = rapid.SampledFrom([]lang.Proto{lang.TCP, lang.TCP, lang.UDP})

// policies draws the text of a policy. Each clause and setting is given by chance.
var policies = rapid.Custom(func(t *rapid.T) string {
	text, knocks, elsewhere := settings(t), "", true
	for i := range rapid.IntRange(1, 3).Draw(t, "knocks") {
		k := drawKnock(t, string(rune('a'+i)))
		knocks += k.String() + "\n"
		elsewhere = elsewhere && len(k.At) > 0
	}
	if elsewhere && rapid.Bool().Draw(t, "open here") { // what is guarded elsewhere may be open here
		text += fmt.Sprintf("open %d-%d\n", firstService, lastService-2)
	}
	return text + knocks
})

// oneIn is true once in n times.
func oneIn(t *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(t, what) == n }

func settings(t *rapid.T) string {
	text := ""
	for _, s := range []struct {
		n    int
		text string
	}{
		{4, "default drop"}, {4, "refuse reject"}, {3, rapid.SampledFrom(opens).Draw(t, "open")}, {6, rapid.SampledFrom(opens).Draw(t, "open too")},
		{8, "size 100"}, {6, rapid.SampledFrom([]string{"hook input", "hook input\npriority -7", "priority -150"}).Draw(t, "hook")},
		{6, `trust lan0`}, {6, `trust 10.0.0.0/8 2001:db8::/32 "lan*"`},
	} {
		if !oneIn(t, s.n, s.text) {
			continue
		}
		text += s.text + "\n"
		if s.text == "trust lan0" {
			break
		}
	}
	return text
}

func drawKnock(t *rapid.T, name string) *lang.Knock {
	k := &lang.Knock{
		Name:     lang.Name{Text: name},
		Steps:    drawSteps(t, 5),
		Services: rapid.SliceOfN(rapid.Custom(drawService), 1, 3).Draw(t, "services"),
		Clauses: lang.Clauses{
			Within: unit * time.Duration(rapid.IntRange(1, 4).Draw(t, "within")),
			Grant:  unit * time.Duration(rapid.IntRange(1, 6).Draw(t, "grant")),
			Once:   oneIn(t, 3, "once"),
			Log:    lang.Log{On: oneIn(t, 4, "log")},
		},
	}
	if oneIn(t, 4, "code?") {
		at := rapid.IntRange(0, len(k.Steps)-1).Draw(t, "code step")
		k.Steps[at] = lang.Step{Proto: lang.UDP, Port: rapid.Uint16Range(firstCode, lastCode).Draw(t, "code port"), Code: true}
		k.Key.Path, k.Period, k.Ahead = "k", codePeriod, codesAhead*codePeriod
	}
	if oneIn(t, 3, "total?") {
		k.Total = unit * time.Duration(rapid.IntRange(1, 6).Draw(t, "total"))
	}
	if oneIn(t, 5, "forever") {
		k.Grant = lang.Forever
	}
	if oneIn(t, 2, "reset?") {
		k.Reset.Mode = rapid.SampledFrom([]lang.ResetMode{lang.ResetKnown, lang.ResetAny}).Draw(t, "reset")
		k.Reset.Revoke = oneIn(t, 2, "revoke")
	}
	if oneIn(t, 3, "close?") {
		k.Close = drawSteps(t, 3)
	}
	if oneIn(t, 4, "from?") {
		k.From = rapid.SliceOfN(rapid.Custom(drawPrefix), 1, 3).Draw(t, "from")
	}
	if oneIn(t, 4, "on?") {
		k.On = rapid.SliceOfN(rapid.SampledFrom(listenOn), 1, 3).Draw(t, "on")
	}
	if oneIn(t, 4, "at?") {
		for _, text := range rapid.SliceOfN(rapid.SampledFrom(atSome), 1, 2).Draw(t, "at") {
			addr, err := netip.ParseAddr(text)
			prefix := netip.PrefixFrom(addr, addr.BitLen())
			if err != nil {
				prefix = netip.MustParsePrefix(text)
			}
			k.At = append(k.At, lang.Prefix{Prefix: prefix})
		}
	}
	if oneIn(t, 3, "per?") {
		k.Per = lang.Per{IPv4: rapid.SampledFrom([]int{24, 25, 32}).Draw(t, "per4"), IPv6: rapid.SampledFrom([]int{64, 113, 128}).Draw(t, "per6")}
	}
	return k
}

// drawSteps draws a sequence that is not of pings alone.
func drawSteps(t *rapid.T, most int) []lang.Step {
	steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, most).Draw(t, "steps")
	for _, s := range steps {
		if s.Proto != lang.Ping {
			return steps
		}
	}
	steps[0] = lang.Step{Port: firstStep}
	return steps
}

func drawStep(t *rapid.T) lang.Step {
	if oneIn(t, 8, "ping") {
		return lang.Step{Proto: lang.Ping, Length: rapid.SampledFrom([]int{lang.AnyLength, 0, 20, 1400}).Draw(t, "length")}
	}
	return lang.Step{Proto: protos.Draw(t, "protocol"), Port: rapid.Uint16Range(firstStep, lastStep).Draw(t, "port")}
}

func drawService(t *rapid.T) lang.Service {
	first := rapid.Uint16Range(firstService, lastService).Draw(t, "first")
	last := rapid.Uint16Range(first, lastService).Draw(t, "last")
	return lang.Service{Proto: protos.Draw(t, "protocol"), First: first, Last: last}
}

// drawPrefix draws a prefix that has some of the sources of every trace in it, or
// all of one family, or none.
func drawPrefix(t *rapid.T) lang.Prefix {
	text := rapid.SampledFrom([]string{"10.0.0.0/8", "10.0.0.0/9", "2001:db8::/32", "2001:db8::/33", "192.0.2.0/24", "0.0.0.0/0"}).Draw(t, "prefix")
	return lang.Prefix{Prefix: netip.MustParsePrefix(text)}
}
