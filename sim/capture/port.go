package capture

import (
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
