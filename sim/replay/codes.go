package replay

import (
	"fmt"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// codebook knows the one-time codes of a replay: that of a period is there from the knock's
// `ahead` before the period until the end of the next one, or until it is spent. The machine
// gets a code with the first packet that it can let through.
type codebook struct {
	start  time.Time // what a clock shows at time zero
	knocks map[string]*knockCodes
	at     map[uint16][]*knockCodes // by the port of the step
	number int                      // of the latest packet
}

// knockCodes are the codes of a knock that may still matter.
type knockCodes struct {
	compiler.CodesOf
	key   codes.Key
	all   bool // packets may have any code, not only those that the trace gives them
	next  int64
	known map[codes.Code]int64 // periods
	added map[int64]use        // to the machine
	room  int                  // how many to know before those that have ended are forgotten
}

// use is when a code was spent.
type use struct {
	number int // of the packet; 0: it was not
	at     time.Duration
}

func newCodebook(r *compiler.Result) *codebook {
	b := &codebook{start: time.Unix(0, 0), knocks: map[string]*knockCodes{}, at: map[uint16][]*knockCodes{}}
	for _, c := range r.Codes {
		b.knocks[c.Knock] = &knockCodes{CodesOf: c, known: map[codes.Code]int64{}, added: map[int64]use{}}
	}
	for _, k := range r.Policy.Knocks {
		if i := k.CodeStep(); i >= 0 {
			b.at[k.Steps[i].Port] = append(b.at[k.Steps[i].Port], b.knocks[k.Name.Text])
		}
	}
	return b
}

// StartAt says what a clock shows at time zero; without it that is Unix time 0.
func (p *Player) StartAt(t time.Time) { p.codes.start = t }

// UseKeys makes the player look for the codes that are made with keys, by knock, in all
// packets. Without it, the codes are made with a key of its own, and only those are found
// that a trace gives to its packets.
func (p *Player) UseKeys(keys map[string]codes.Key) {
	for knock, key := range keys {
		if k := p.codes.knocks[knock]; k != nil {
			k.key, k.all = key, true
		}
	}
}

// of is the code that a trace gives to a packet; the zero code if the policy has none such.
func (b *codebook) of(c *trace.Code, at time.Duration) codes.Code {
	k := b.knocks[c.Knock]
	if k == nil {
		return codes.Code{}
	}
	return k.know(codes.Period(b.start.Add(at).Add(c.Offset), k.Period))
}

// Code is the code of the latest packet in the words of a trace, if the player looks for
// codes and the packet came to the step of the code's knock; nil if there is none.
func (p *Player) Code(packet *sim.Packet) *trace.Code {
	b := p.codes
	if packet.Code == (codes.Code{}) || packet.Proto != lang.UDP {
		return nil
	}
	for _, k := range b.at[packet.DstPort] {
		if period, known := k.known[packet.Code]; known {
			present := codes.Period(b.start.Add(packet.Time), k.Period)
			return &trace.Code{Knock: k.Knock, Offset: time.Duration(period-present) * k.Period}
		}
	}
	return nil
}

// know makes the code of a period.
func (k *knockCodes) know(period int64) codes.Code {
	code := k.key.Of(k.Knock, period).Code()
	k.known[code] = period
	return code
}

// offer gives the machine the code of a packet that is about to come.
func (b *codebook) offer(m *sim.Machine, p *sim.Packet) {
	b.number++
	if p.Code == (codes.Code{}) || p.Proto != lang.UDP {
		return
	}
	now := b.start.Add(p.Time)
	for _, k := range b.at[p.DstPort] {
		k.keepUp(now)
		period, known := k.known[p.Code]
		_, added := k.added[period]
		if known && !added && k.begins(period).Compare(now) <= 0 && now.Before(codes.Ends(period, k.Period)) {
			m.AddCode(k.Set, p.Code, b.ends(k, period))
			k.added[period] = use{}
		}
	}
}

// begins is from when on the code of a period is there.
func (k *knockCodes) begins(period int64) time.Time {
	return codes.Begins(period, k.Period).Add(-k.Ahead)
}

// ends is when a code ends that is not spent.
func (b *codebook) ends(k *knockCodes, period int64) time.Duration {
	return codes.Ends(period, k.Period).Sub(b.start)
}

// keepUp makes the codes that a packet may have now, and forgets those that have ended.
func (k *knockCodes) keepUp(now time.Time) {
	if k.all {
		k.next = max(k.next, codes.Period(now, k.Period)-1)
		for last := codes.Period(now.Add(k.Ahead), k.Period); k.next <= last; k.next++ {
			k.know(k.next)
		}
	}
	if len(k.known) < k.room {
		return
	}
	for code, period := range k.known {
		if !now.Before(codes.Ends(period, k.Period)) {
			delete(k.known, code)
			delete(k.added, period)
		}
	}
	const least = 1000
	k.room = max(least, 2*len(k.known))
}

// spent takes note of the codes that a packet has spent.
func (b *codebook) spent(at time.Duration, changes []sim.Change) {
	for _, c := range changes {
		if knock, ok := compiler.KnockOfCodes(c.Set); ok {
			k := b.knocks[knock]
			k.added[k.known[c.Code]] = use{b.number, at}
		}
	}
}

// why is why the latest packet, which came to the step of a knock that needs a code, did not
// spend one; "" if it did.
func (b *codebook) why(k *lang.Knock, p *sim.Packet) string {
	own := b.knocks[k.Name.Text]
	period, known := own.known[p.Code]
	spent := own.added[period]
	switch {
	case p.Code == codes.Code{}:
		return "there was no code in the datagram"
	case !known:
		return "it had no code of " + k.Name.Text
	case spent.number == b.number:
		return ""
	case spent.number > 0:
		return "its code was already used at " + seconds(spent.at)
	case b.ends(own, period) <= p.Time:
		return "its code ended at " + seconds(b.ends(own, period))
	case own.begins(period).Sub(b.start) > p.Time:
		return fmt.Sprintf("its code is known only from %s on (ahead %s)", seconds(own.begins(period).Sub(b.start)), lang.FormatDuration(own.Ahead))
	}
	return ""
}
