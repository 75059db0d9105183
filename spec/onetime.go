package spec

import (
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// code is the one-time code of a knock's period.
type code struct {
	knock  string
	period int64
}

// codeOf is the code that a packet has.
func (m *Model) codeOf(at time.Duration, k *lang.Knock, c *trace.Code) code {
	return code{k.Name.Text, floor(m.unix(at+c.Offset), whole(k.Period))}
}

// unix is what a clock shows at a time of the trace, in seconds.
func (m *Model) unix(at time.Duration) int64 { return m.Start + floor(int64(at), int64(time.Second)) }

func whole(d time.Duration) int64 { return int64(d / time.Second) }

// floor is the largest number whose product with b is not more than a.
func floor(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}

// spends reports whether a packet has a code of the knock that may be used, which it then
// may not be again.
func (m *Model) spends(at time.Duration, k *lang.Knock, p *trace.Packet) bool {
	if p.Code == nil || p.Code.Knock != k.Name.Text {
		return false
	}
	c := m.codeOf(at, k, p.Code)
	begins, now := c.period*whole(k.Period), m.unix(at)
	if now < begins-whole(k.Ahead) || now >= begins+2*whole(k.Period) || m.spent[c] {
		return false
	}
	m.spent[c] = true
	return true
}

// takesCode reports whether the packet goes to the step of the knock that needs a code.
func takesCode(k *lang.Knock, p *trace.Packet) bool {
	i := k.CodeStep()
	return i >= 0 && goesTo(p, k.Steps[i])
}
