package lang

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Change is something that people may notice when a policy takes the place of another.
type Change struct {
	Knock   string  // "" if it is a setting of the whole policy
	Was, Is string  // as a policy has it; "" if it has not
	Alone   *Policy // the old policy with this change alone
	Unseen  bool    // no packets of one source show it
	Order   bool    // it is nothing but another order of words that say the same in any order
}

// String is the change in words.
func (c Change) String() string {
	text := "knock " + c.Knock + ": "
	if c.Knock == "" {
		text = "setting "
	}
	switch {
	case c.Was == "":
		return text + "`" + c.Is + "` is new"
	case c.Is == "":
		return text + "`" + c.Was + "` is gone"
	}
	text += "`" + c.Is + "` instead of `" + c.Was + "`"
	if c.Order {
		text += ", the same in another order"
	}
	return text
}

// Changes are those from a policy to another. What has one change alone may have errors. Of
// the order of words that say the same in any order, only that in a knock is a change: the
// rules then take it for another knock.
func Changes(old, is *Policy) []Change {
	var all []Change
	for _, part := range settingParts {
		was, now := part.text(&old.Settings), part.text(&is.Settings)
		if part.differ(was, now) {
			alone := *old
			part.take(&alone.Settings, &is.Settings)
			all = append(all, Change{Was: was, Is: now, Alone: &alone, Unseen: part.kind == unseen})
		}
	}
	for _, k := range is.Knocks {
		if i := old.index(k.Name.Text); i >= 0 {
			all = append(all, old.knockChanges(i, k)...)
			continue
		}
		alone := *old
		alone.Knocks = append(slices.Clone(old.Knocks), k)
		all = append(all, Change{Knock: k.Name.Text, Is: k.text(), Alone: &alone})
	}
	for i, k := range old.Knocks {
		if is.index(k.Name.Text) < 0 {
			alone := *old
			alone.Knocks = slices.Delete(slices.Clone(old.Knocks), i, i+1)
			all = append(all, Change{Knock: k.Name.Text, Was: k.text(), Alone: &alone})
		}
	}
	return all
}

// index is that of a knock, -1 if there is none of the name.
func (p *Policy) index(knock string) int {
	return slices.IndexFunc(p.Knocks, func(k *Knock) bool { return k.Name.Text == knock })
}

// knockChanges are those to the knock with an index.
func (p *Policy) knockChanges(i int, is *Knock) []Change {
	var all []Change
	for _, part := range knockParts {
		was, now := part.text(p.Knocks[i]), part.text(is)
		if was == now {
			continue
		}
		alone, knock := *p, *p.Knocks[i]
		part.take(&knock, is)
		alone.Knocks = slices.Clone(p.Knocks)
		alone.Knocks[i] = &knock
		order := !part.differ(was, now)
		all = append(all, Change{is.Name.Text, was, now, &alone, order || part.kind == unseen, order})
	}
	return all
}

// part is a piece of a knock or of the settings: its canonical text, "" if it is not there or
// what goes without saying, and how another takes it over.
type part[T any] struct {
	text func(of *T) string
	take func(to, from *T)
	kind partKind
}

type partKind int

const (
	inOrder partKind = iota
	inAny            // the order of its words says nothing
	unseen           // it changes nothing that packets of one source show
)

// differ reports whether two texts of the part say different things.
func (p *part[T]) differ(a, b string) bool {
	if p.kind != inAny {
		return a != b
	}
	words := func(text string) []string { return slices.Sorted(slices.Values(strings.Fields(text))) }
	return !slices.Equal(words(a), words(b))
}

var knockParts = []part[Knock]{
	{func(k *Knock) string { return "<" + List(k.Steps) + " >" }, func(to, from *Knock) { to.Steps = from.Steps }, inOrder},
	{func(k *Knock) string { return "->" + List(k.Services) }, func(to, from *Knock) { to.Services = from.Services }, inAny},
	{func(k *Knock) string { return "within " + FormatDuration(k.Within) }, func(to, from *Knock) { to.Within = from.Within }, inOrder},
	{func(k *Knock) string { return given(k.Total != 0, "total "+FormatDuration(k.Total)) }, func(to, from *Knock) { to.Total = from.Total }, inOrder},
	{func(k *Knock) string { return "grant " + FormatDuration(k.Grant) }, func(to, from *Knock) { to.Grant = from.Grant }, inOrder},
	{func(k *Knock) string { return given(k.Once, "once") }, func(to, from *Knock) { to.Once = from.Once }, inOrder},
	{resetText, func(to, from *Knock) { to.Reset = from.Reset }, inOrder},
	{func(k *Knock) string { return listed("close", k.Close) }, func(to, from *Knock) { to.Close = from.Close }, inOrder},
	{func(k *Knock) string { return listed("from", k.From) }, func(to, from *Knock) { to.From = from.From }, inAny},
	{func(k *Knock) string { return listed("on", k.On) }, func(to, from *Knock) { to.On = from.On }, inAny},
	{func(k *Knock) string { return listed("at", k.At) }, func(to, from *Knock) { to.At = from.At }, inAny},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, `key "`+k.Key.Path+`"`) }, func(to, from *Knock) { to.Key = from.Key }, unseen},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, "period "+FormatDuration(k.Period)) }, func(to, from *Knock) { to.Period = from.Period }, inOrder},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, "ahead "+FormatDuration(k.Ahead)) }, func(to, from *Knock) { to.Ahead = from.Ahead }, unseen},
	{perText, func(to, from *Knock) { to.Per = from.Per }, inOrder},
	{logText, func(to, from *Knock) { to.Log = from.Log }, unseen},
}

func resetText(k *Knock) string {
	text := given(k.Reset.Mode != ResetNone, "reset "+resetModes[k.Reset.Mode])
	return text + given(k.Reset.Revoke, " revoke")
}

func perText(k *Knock) string {
	usual := k.Per == Per{32, 128} || k.Per == Per{}
	return given(!usual, fmt.Sprintf("per /%d /%d", k.Per.IPv4, k.Per.IPv6))
}

func logText(k *Knock) string {
	return given(k.Log.On, "log") + given(k.Log.Prefix != "", ` "`+k.Log.Prefix+`"`)
}

var settingParts = []part[Settings]{
	{func(s *Settings) string { return "table " + s.Table }, func(to, from *Settings) { to.Table = from.Table }, unseen},
	{hookText, func(to, from *Settings) { to.Hook, to.Priority = from.Hook, from.Priority }, inOrder},
	{func(s *Settings) string { return given(s.DefaultDrop, "default drop") }, func(to, from *Settings) { to.DefaultDrop = from.DefaultDrop }, inOrder},
	{func(s *Settings) string { return given(s.RefuseReject, "refuse reject") }, func(to, from *Settings) { to.RefuseReject = from.RefuseReject }, inOrder},
	{openText, func(to, from *Settings) { to.Open = from.Open }, inOrder},
	{func(s *Settings) string { return fmt.Sprintf("size %d", s.Size) }, func(to, from *Settings) { to.Size = from.Size }, unseen},
	{trustText, func(to, from *Settings) { to.TrustPrefixes, to.TrustIfaces = from.TrustPrefixes, from.TrustIfaces }, inAny},
}

func hookText(s *Settings) string {
	return [...]string{"hook prerouting", "hook input"}[s.Hook] + fmt.Sprintf(" priority %d", s.Priority)
}

// openText has first what is open to everyone, and then all else in order.
func openText(s *Settings) string {
	var all []string
	for _, o := range s.Open {
		if o.ForAll() {
			continue
		}
		text := "open" + List(Merged(o.Services))
		for _, more := range []string{listed("from", sorted(o.From)), listed("on", sorted(o.On))} {
			text += given(more != "", " "+more)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	if services := Merged(s.OpenToAll()); len(services) > 0 {
		all = append([]string{"open" + List(services)}, all...)
	}
	return strings.Join(all, ", ")
}

func trustText(s *Settings) string {
	return given(s.Trusts(), "trust"+List(s.TrustPrefixes)+List(s.TrustIfaces))
}

func sorted[T fmt.Stringer](values []T) []T {
	return slices.SortedFunc(slices.Values(values), func(a, b T) int { return cmp.Compare(a.String(), b.String()) })
}

func given(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func listed[T fmt.Stringer](keyword string, values []T) string {
	return given(len(values) > 0, keyword+List(values))
}
