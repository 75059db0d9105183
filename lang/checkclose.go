package lang

import (
	"slices"
	"strings"
	"time"
)

// closes says that whoever knocks does the `close` sequence too, which keeps the door shut.
func (c *checker) closes(k *Knock) {
	if len(k.Close) == 0 || slices.ContainsFunc(k.Close, func(s Step) bool { return s.Code }) || c.opensAtOnce(k, 1) {
		return
	}
	said := "a fast knock does not open this door: it does the `close` sequence too"
	if neverOpens(k) {
		said = "no knock opens this door: its steps do the `close` sequence too"
	}
	f := c.add(CodeOwnClose, k.Given[ClauseClose], "%s", said)
	if backwards := c.backwards(k); backwards != nil {
		text := strings.TrimSpace(List(backwards))
		f.hint("close %s", text)
		f.Fix = Edit{k.Close[0].Span.To(k.Close[len(k.Close)-1].Span), text}
	} else {
		f.hint("begin it with a port that is not a step")
	}
}

// opensAtOnce reports whether the steps open the door, again each time that they are done, if
// no time passes between them. A ping of any length is sent with the usual one.
func (c *checker) opensAtOnce(k *Knock, times int) bool {
	m := newMachine(k, 0, c.open)
	for range times {
		var opened *path
		for i, s := range k.Steps {
			if s.Proto == Ping && s.Length == AnyLength {
				s.Length = UsualPingLength
			}
			opened = m.attempt(i, s, false)
		}
		if opened == nil {
			return false
		}
	}
	return true
}

// backwards is a `close` sequence that lets the door open: the steps from the last to the
// first; nil if they do not.
func (c *checker) backwards(k *Knock) []Step {
	changed := *k
	changed.Close = slices.DeleteFunc(slices.Clone(k.Steps), func(s Step) bool { return s.Code })
	slices.Reverse(changed.Close)
	if len(changed.Close) < 2 || !c.opensAtOnce(&changed, 2) {
		return nil
	}
	return changed.Close
}

// neverOpens reports whether steps in a row, which do not open the door at once, are the
// `close` sequence, and nothing else that a source sends, or when, keeps them from being it.
func neverOpens(k *Knock) bool {
	return closesInRow(k) && closesInTotal(k) && !closeCanReset(k)
}

// closesInRow reports whether steps in a row do the `close` sequence.
func closesInRow(k *Knock) bool {
	n := len(k.Close)
	for first := 0; n > 0 && first+n <= len(k.Steps); first++ {
		if slices.EqualFunc(k.Close, k.Steps[first:first+n], matches) {
			return true
		}
	}
	return false
}

// closesInTotal reports whether steps in time do the `close` sequence within `total`. To do
// the first step again prolongs the total of the steps, but not always that of `close`.
func closesInTotal(k *Knock) bool {
	gaps := time.Duration(len(k.Close) - 1)
	return k.Total == 0 || gaps*k.Within <= k.Total || matches(k.Close[0], k.Steps[0])
}

// closeCanReset reports whether an attempt that is at no step can put back the `close`
// sequence alone, once that has begun: one at its third step or a later one, too early.
func closeCanReset(k *Knock) bool {
	isNoStep := func(s Step) bool {
		return !slices.ContainsFunc(k.Steps, func(step Step) bool { return matches(step, s) })
	}
	return k.Reset.Mode != ResetNone && slices.IndexFunc(k.Close, isNoStep) >= 2
}
