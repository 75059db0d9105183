package knockd

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// knock is what is made of a door.
type knock struct {
	lang.Knock // without a name: nothing, and only the door's notes are written
	door       *door
	in         string // the chain or set that its command adds something to, or takes it out of
	closed     *door  // whose sequence shuts this one; nil if there is none
	lost       bool   // it is not carried over
}

// converter makes knocks of doors, and says what is lost.
type converter struct {
	config *config
	found  []lang.Finding
	names  map[string]int // those that are taken, and the number last tried after one
	knocks []*knock
}

// convert makes a knock of each door, except for those that shut what others open.
func (v *converter) convert() {
	var closing []*knock
	for _, d := range v.config.doors {
		k := v.knock(d)
		if v.opens(k) {
			v.undone(k)
			closing = append(closing, k)
			continue
		}
		v.ends(k)
		k.Name.Text = v.name(d.section.text)
		v.knocks = append(v.knocks, k)
	}
	v.shut(closing)
	slices.SortStableFunc(v.knocks, func(a, b *knock) int {
		return cmp.Compare(a.door.section.start.Line, b.door.section.start.Line)
	})
}

// warn says something about a line, also in a comment by what is made of the door.
func (v *converter) warn(d *door, at word, format string, args ...any) *lang.Finding {
	v.found = append(v.found, finding(lang.Warning, at, format, args...))
	f := &v.found[len(v.found)-1]
	d.notes = append(d.notes, note{at.start.Line, f.Message})
	return f
}

// lose says why a door is not carried over.
func (v *converter) lose(k *knock, at word, format string, args ...any) {
	k.lost = true
	v.warn(k.door, at, "door %s is not converted: %s", lang.Quote(k.door.section.text), fmt.Sprintf(format, args...)).
		Hint = "complete the knock by hand: it is a comment in the policy"
}

// knock begins a knock with all that a door says, except for what its commands do.
func (v *converter) knock(d *door) *knock {
	k := &knock{door: d}
	k.Steps, k.Total, k.Grant = d.steps, d.total, lang.Forever
	if i := v.config.iface; i != nil && i.Name != "any" {
		k.On = []lang.Iface{*i}
	}
	if e, ok := d.entries["one_time_sequences"]; ok {
		k.Steps = nil
		v.lose(k, e.at(), "a knock has one sequence, which never changes")
	}
	if e, ok := d.entries["target"]; ok {
		v.warn(d, e.at(), "`target` is lost: the steps count at every address of this host")
	}
	v.flags(k)
	return k
}

// flags says which flags a step cannot ask for.
func (v *converter) flags(k *knock) {
	e, ok := k.door.entries["tcpflags"]
	isTCP := func(s lang.Step) bool { return s.Proto == lang.TCP }
	if !ok || len(k.Steps) > 0 && !slices.ContainsFunc(k.Steps, isTCP) {
		return
	}
	for flag, set := range k.door.flags {
		if set != (flag == "syn") {
			v.warn(k.door, e.at(), "these flags are lost: a TCP step is a SYN, without FIN, RST and ACK").
				Hint = "let the client send connection attempts"
			return
		}
	}
}

// opens finds out what the start commands of a door do, and whether that is to
// shut what others open. knockd runs the first of them for IPv6 too if there is no
// second one.
func (v *converter) opens(k *knock) (closing bool) {
	d := k.door
	command, other := d.entries["start_command"], d.entries["start_command_6"]
	switch _, has6 := d.entries["start_command_6"]; {
	case command.value.text == "" && other.value.text == "":
		v.lose(k, d.section, "it runs no command")
		return false
	case command.value.text == "":
		k.From, command, other = prefix("::/0"), other, entry{}
	case has6 && other.value.text == "":
		k.From = prefix("0.0.0.0/0")
	}
	o, why := v.command(command)
	if o.lasts > 0 {
		k.Grant = o.lasts
	}
	k.in = o.in
	if why != "" {
		v.lose(k, command.value, "cannot tell what its command opens: %s", why)
		return false
	}
	if other.value.text != "" {
		v.overIPv6(d, &o, other)
	}
	if o.guessed {
		v.warn(d, command.value, "this command gives a port without a protocol: TCP is assumed")
	}
	k.Services, k.At = o.services, o.at
	return o.remove
}

// overIPv6 adds to what the first start command does what the second one does, if that
// is the same, or the same at addresses of IPv6.
func (v *converter) overIPv6(d *door, o *opening, second entry) {
	o6, why := v.command(second)
	disjoint := len(o.at) > 0 && len(ofFamily(o.at, o6.at)) == 0
	switch {
	case why == "" && o.like(o6):
	case why == "" && disjoint && len(o6.at) > 0 && o.like(opening{services: o6.services, at: o.at, remove: o6.remove}):
		o.at = append(o.at, o6.at...)
	case len(o.at) > 0:
		v.warn(d, second.value, "this command is lost: the knock opens services only at%s", where(o.at))
	default:
		v.warn(d, second.value, "this command is lost: the knock does the same over IPv6 as over IPv4")
	}
}

func (v *converter) command(e entry) (opening, string) {
	iface := ""
	if v.config.iface != nil {
		iface = v.config.iface.Name
	}
	return readCommand(e.value.text, iface)
}

// like reports whether two commands do the same.
func (o opening) like(other opening) bool {
	return o.remove == other.remove && slices.Equal(o.services, other.services) && slices.Equal(o.at, other.at)
}

func prefix(text string) []lang.Prefix { return []lang.Prefix{{Prefix: netip.MustParsePrefix(text)}} }

// name makes a name for a knock of that of its door, which no other knock has.
func (v *converter) name(section string) string {
	base := strings.Map(func(r rune) rune {
		if r < 0x80 && lang.IsName("a"+string(r)+"a") {
			return r
		}
		return '_'
	}, section)
	if !lang.IsName(base[:1]) {
		base = "door_" + base
	}
	base = strings.TrimRight(base[:min(len(base), lang.MaxName)], "-")
	name := base
	for v.names[name] > 0 {
		v.names[base]++
		suffix := fmt.Sprintf("_%d", v.names[base])
		name = base[:min(len(base), lang.MaxName-len(suffix))] + suffix
	}
	v.names[name] = 1
	return name
}
