package capture

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// port is an interface that was recorded on.
type port struct {
	link linkType
	name string // "" if the capture does not say
}

const (
	maxPorts = 1 << 16
	maxUnit  = 19 // decimals of a second; more overflow in pcapgo, and fractions of 2, above them, are rounded
)

// addPorts adds the interfaces that a pcapng section has described since the last record.
func (r *reader) addPorts() error {
	if r.ng.NInterfaces() > maxPorts {
		return fmt.Errorf("more than %d interfaces in a section", maxPorts)
	}
	for i := len(r.ports); i < r.ng.NInterfaces(); i++ {
		described, err := r.ng.Interface(i)
		if err != nil {
			return err
		}
		if unit := described.TimestampResolution; unit > maxUnit {
			return fmt.Errorf("interface %d has an unsupported unit of time: if_tsresol is %#x, expected at most %d", i, byte(unit), maxUnit)
		}
		r.ports = append(r.ports, &port{linkType(described.LinkType), ifaceName(described.Name)})
	}
	return nil
}

// ifaceName is the name of an interface, "" if it is none that Linux allows
// (dev_valid_name) and people can read. Nothing arrives on "any", the name of what
// records on all of them.
func ifaceName(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case len(name) > lang.MaxIface, name == "any", name == ".", name == "..":
	case !utf8.ValidString(name), strings.ContainsAny(name, "/: "), strings.ContainsFunc(name, unprintable):
	default:
		return name
	}
	return ""
}
