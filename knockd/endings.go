package knockd

import (
	"fmt"
	"slices"

	"example.org/knockc/lang"
)

// ends finds out when the door of a knock shuts by itself.
func (v *converter) ends(k *knock) {
	for _, name := range []string{"stop_command", "stop_command_6"} {
		e := k.door.entries[name]
		if e.value.text == "" {
			continue
		}
		k.Grant = min(k.Grant, k.door.grant)
		if o, why := v.command(e); !k.lost && (why != "" || !o.undoes(k)) {
			v.warn(k.door, e.value, "this command is lost: the grant ends after %s", seconds(k.Grant))
		}
	}
	v.endsOnce(k)
}

// endsOnce says if knockd shuts a door over only one family of addresses.
func (v *converter) endsOnce(k *knock) {
	stop, stop6 := k.door.entries["stop_command"], k.door.entries["stop_command_6"]
	_, has6 := k.door.entries["stop_command_6"]
	switch {
	case len(k.From) > 0 || k.lost:
	case stop.value.text != "" && has6 && stop6.value.text == "":
		v.warn(k.door, stop6.key, "the grant ends after %s over IPv6 too", seconds(k.Grant))
	case stop.value.text == "" && stop6.value.text != "":
		v.warn(k.door, stop6.value, "the grant ends after %s over IPv4 too", seconds(k.Grant))
	}
}

// undoes reports whether a command takes back what a knock opens, be it in one family
// of addresses alone.
func (o opening) undoes(k *knock) bool {
	if o.remove && len(o.services) == 0 {
		return o.in == k.in
	}
	undo := opening{services: k.Services, at: k.At, remove: true}
	if len(o.at) > 0 {
		undo.at = ofFamily(k.At, o.at)
	}
	return o.like(undo)
}

// shut makes the sequences of doors that take something back those that shut the
// knocks to the same services.
func (v *converter) shut(closing []*knock) {
	open := map[string][]*knock{}
	for _, k := range v.knocks {
		if len(k.Services) > 0 {
			place := lang.List(k.Services) + where(k.At)
			open[place] = append(open[place], k)
		}
	}
	for _, c := range closing {
		knocks := open[lang.List(c.Services)+where(c.At)]
		if len(c.Services) == 0 {
			knocks = v.in(c.in)
		}
		switch {
		case c.lost:
		case len(c.Services) == 0 && len(knocks) > 1 && slices.ContainsFunc(knocks, (*knock).opensServices):
			v.unused(c, "it deletes a rule that it looks for, and "+fmt.Sprint(len(knocks))+" doors add rules to that chain")
		case len(knocks) == 0:
			v.unused(c, "it shuts services that no other door opens")
		case knocks[0].closed != nil:
			v.unused(c, "a knock has one closing sequence, and here it comes from door "+lang.Quote(knocks[0].closed.section.text))
		default:
			for _, k := range knocks {
				v.shutBy(k, c)
			}
			continue
		}
		c.lost = true
		v.knocks = append(v.knocks, c)
	}
}

// in are the knocks whose commands add something to a chain or set.
func (v *converter) in(place string) (knocks []*knock) {
	for _, k := range v.knocks {
		if k.in == place {
			knocks = append(knocks, k)
		}
	}
	return knocks
}

func (k *knock) opensServices() bool { return len(k.Services) > 0 }

func (v *converter) unused(c *knock, why string) {
	v.warn(c.door, c.door.section, "door %s is lost: %s", lang.Quote(c.door.section.text), why)
}

// shutBy gives a knock its closing sequence.
func (v *converter) shutBy(k, c *knock) {
	k.closed, k.Close = c.door, c.Steps
	k.door.notes = append(k.door.notes, c.door.notes...)
	shared := func(s lang.Step) bool {
		return slices.ContainsFunc(k.Steps, func(own lang.Step) bool { return own.Proto == s.Proto && own.Port == s.Port })
	}
	if slices.ContainsFunc(c.Steps, shared) {
		v.warn(k.door, c.door.entries["sequence"].value,
			"a wrong attempt at a step of both sequences does not reset knock %s; with knockd it does", lang.Quote(k.Name.Text)).
			Hint = "give the closing sequence ports of its own"
	}
	if c.Total != k.Total {
		v.warn(k.door, c.door.timeout(),
			"the closing sequence has the total of its knock: %s, not %s", seconds(k.Total), seconds(c.Total))
	}
}

// undone says of a door that shuts others that it cannot open them again.
func (v *converter) undone(c *knock) {
	for _, name := range []string{"stop_command", "stop_command_6"} {
		if e := c.door.entries[name]; e.value.text != "" {
			v.warn(c.door, e.value, "this command is lost: no command runs after a closing sequence")
		}
	}
}

// timeout is where a door says how long its sequence may take.
func (d *door) timeout() word {
	if e, ok := d.entries["seq_timeout"]; ok {
		return e.at()
	}
	return d.section
}

// everOpen says which doors never shut.
func (v *converter) everOpen() {
	for _, k := range v.knocks {
		if k.Grant != lang.Forever || k.closed != nil || k.lost {
			continue
		}
		v.warn(k.door, k.door.section, "door %s never shuts, as with knockd: it has no stop_command", lang.Quote(k.door.section.text)).
			Hint = "write grant 10s into the policy: existing connections stay when it ends"
	}
}
