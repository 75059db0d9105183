package lang

import (
	"fmt"
	"slices"
	"strings"
)

// Change is something that people may notice when a policy takes the place of another.
type Change struct {
	Knock   string  // "" if it is a setting of the whole policy
	Was, Is string  // as a policy has it; "" if it has not
	Alone   *Policy // the old policy with this change alone
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
	return text + "`" + c.Is + "` instead of `" + c.Was + "`"
}

// Changes are those from a policy to another. What has one change alone may have errors.
func Changes(old, is *Policy) []Change {
	var all []Change
	for _, part := range settingParts {
		was, now := part.text(&old.Settings), part.text(&is.Settings)
		if part.differ(was, now) {
			alone := *old
			part.take(&alone.Settings, &is.Settings)
			all = append(all, Change{"", was, now, &alone})
		}
	}
	for _, k := range is.Knocks {
		if i := old.index(k.Name.Text); i >= 0 {
			all = append(all, old.knockChanges(i, k)...)
			continue
		}
		alone := *old
		alone.Knocks = append(slices.Clone(old.Knocks), k)
		all = append(all, Change{k.Name.Text, "", k.text(), &alone})
	}
	for i, k := range old.Knocks {
		if is.index(k.Name.Text) < 0 {
			alone := *old
			alone.Knocks = slices.Delete(slices.Clone(old.Knocks), i, i+1)
			all = append(all, Change{k.Name.Text, k.text(), "", &alone})
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
		if !part.differ(was, now) {
			continue
		}
		alone, knock := *p, *p.Knocks[i]
		part.take(&knock, is)
		alone.Knocks = slices.Clone(p.Knocks)
		alone.Knocks[i] = &knock
		all = append(all, Change{is.Name.Text, was, now, &alone})
	}
	return all
}

// part is a piece of a knock or of the settings: its canonical text, "" if it is not there or
// what goes without saying, and how another takes it over.
type part[T any] struct {
	text  func(of *T) string
	take  func(to, from *T)
	inAny bool // the order of its words says nothing
}

// differ reports whether two texts of the part say different things.
func (p *part[T]) differ(a, b string) bool {
	if !p.inAny {
		return a != b
	}
	words := func(text string) []string { return slices.Sorted(slices.Values(strings.Fields(text))) }
	return !slices.Equal(words(a), words(b))
}

var knockParts = []part[Knock]{
	{func(k *Knock) string { return "<" + List(k.Steps) + " >" }, func(to, from *Knock) { to.Steps = from.Steps }, false},
	{func(k *Knock) string { return "->" + List(k.Services) }, func(to, from *Knock) { to.Services = from.Services }, true},
	{func(k *Knock) string { return "within " + FormatDuration(k.Within) }, func(to, from *Knock) { to.Within = from.Within }, false},
	{func(k *Knock) string { return given(k.Total != 0, "total "+FormatDuration(k.Total)) }, func(to, from *Knock) { to.Total = from.Total }, false},
	{func(k *Knock) string { return "grant " + FormatDuration(k.Grant) }, func(to, from *Knock) { to.Grant = from.Grant }, false},
	{func(k *Knock) string { return given(k.Once, "once") }, func(to, from *Knock) { to.Once = from.Once }, false},
	{resetText, func(to, from *Knock) { to.Reset = from.Reset }, false},
	{func(k *Knock) string { return listed("close", k.Close) }, func(to, from *Knock) { to.Close = from.Close }, false},
	{func(k *Knock) string { return listed("from", k.From) }, func(to, from *Knock) { to.From = from.From }, true},
	{func(k *Knock) string { return listed("on", k.On) }, func(to, from *Knock) { to.On = from.On }, true},
	{func(k *Knock) string { return listed("at", k.At) }, func(to, from *Knock) { to.At = from.At }, true},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, `key "`+k.Key.Path+`"`) }, func(to, from *Knock) { to.Key = from.Key }, false},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, "period "+FormatDuration(k.Period)) }, func(to, from *Knock) { to.Period = from.Period }, false},
	{func(k *Knock) string { return given(k.CodeStep() >= 0, "ahead "+FormatDuration(k.Ahead)) }, func(to, from *Knock) { to.Ahead = from.Ahead }, false},
	{perText, func(to, from *Knock) { to.Per = from.Per }, false},
	{logText, func(to, from *Knock) { to.Log = from.Log }, false},
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
	{func(s *Settings) string { return "table " + s.Table }, func(to, from *Settings) { to.Table = from.Table }, false},
	{hookText, func(to, from *Settings) { to.Hook, to.Priority = from.Hook, from.Priority }, false},
	{func(s *Settings) string { return given(s.DefaultDrop, "default drop") }, func(to, from *Settings) { to.DefaultDrop = from.DefaultDrop }, false},
	{func(s *Settings) string { return given(s.RefuseReject, "refuse reject") }, func(to, from *Settings) { to.RefuseReject = from.RefuseReject }, false},
	{openText, func(to, from *Settings) { to.Open = from.Open }, false},
	{func(s *Settings) string { return fmt.Sprintf("size %d", s.Size) }, func(to, from *Settings) { to.Size = from.Size }, false},
	{trustText, func(to, from *Settings) { to.TrustPrefixes, to.TrustIfaces = from.TrustPrefixes, from.TrustIfaces }, true},
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
		for _, more := range []string{listed("from", o.From), listed("on", o.On)} {
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

func given(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func listed[T fmt.Stringer](keyword string, values []T) string {
	return given(len(values) > 0, keyword+List(values))
}
