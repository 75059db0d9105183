package compiler

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// Mark is the comment of the base chain's first rule: it says that knockc has made the
// table, and gives the hash of the policy.
func (r *Ruleset) Mark() string { return r.Chains[0].Rules[0].Comment }

// Stamp notes in the mark when the ruleset is loaded.
func (r *Ruleset) Stamp(at time.Time) {
	l, _ := ParseLegend(r.Mark())
	l.Loaded = at
	r.Chains[0].Rules[0].Comment = l.Comment()
}

// PolicyOf is the hash of the policy in a mark; false if the comment is not a mark.
func PolicyOf(comment string) (hash string, ok bool) {
	l, _ := ParseLegend(comment)
	return l.Text, l.For == ForMark
}

// mark has a hash of all that a policy says, but not of how it is written.
func (b *builder) mark() string {
	h := sha256.New()
	s := b.policy.Settings
	fmt.Fprintf(h, "table %s hook %v priority %d drop %v reject %v open %v size %d trust %v %v\n",
		s.Table, s.Hook, s.Priority, s.DefaultDrop, s.RefuseReject, openText(s.Open), s.Size, s.TrustPrefixes, s.TrustIfaces)
	for _, k := range b.policy.Knocks {
		io.WriteString(h, b.states(k).meaning)
		if k.CodeStep() >= 0 {
			fmt.Fprintf(h, " ahead %v", k.Ahead)
		}
		fmt.Fprintf(h, " log %v\n", k.Log)
	}
	return Legend{For: ForMark, Text: fmt.Sprintf("%x", h.Sum(nil)[:8])}.Comment()
}

// settings says which settings are not the usual ones, in a comment; empty if none.
func settings(s *lang.Settings) string {
	var says []string
	say := func(given bool, format string, args ...any) {
		if given {
			says = append(says, fmt.Sprintf(format, args...))
		}
	}
	say(s.DefaultDrop, "default drop")
	say(s.RefuseReject, "refuse reject")
	say(s.Hook != lang.HookPrerouting, "hook %v", s.Hook)
	say(s.Priority != s.Hook.UsualPriority(), "priority %d", s.Priority)
	say(s.Size != lang.DefaultSize, "size %d", s.Size)
	say(len(s.Open) > 0, "%s", strings.ReplaceAll(openText(s.Open), `"`, ""))
	say(len(s.TrustPrefixes) > 0, "trust%s", lang.List(s.TrustPrefixes))
	say(len(s.TrustIfaces) > 0, "trust%s", strings.ReplaceAll(lang.List(s.TrustIfaces), `"`, ""))
	if len(says) == 0 {
		return ""
	}
	return Legend{For: ForSettings, Text: strings.Join(says, " ")}.Comment()
}

// WithHookInput is the text of a legend for settings with the hook among them, where
// settings puts it: versions that had no other hook did not say so.
func WithHookInput(text string) string {
	const hook = "hook input"
	if strings.Contains(text, hook) {
		return text
	}
	words := strings.Fields(text)
	at := 0
	for _, first := range []string{"default", "refuse"} {
		if at < len(words) && words[at] == first {
			at += 2
		}
	}
	return strings.Join(slices.Insert(words, min(at, len(words)), hook), " ")
}

// openText is what is open, as a policy has it.
func openText(opens []lang.Open) string {
	var texts []string
	for _, o := range opens {
		text := "open" + lang.List(o.Services)
		if len(o.From) > 0 {
			text += " from" + lang.List(o.From)
		}
		if len(o.On) > 0 {
			text += " on" + lang.List(o.On)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}
