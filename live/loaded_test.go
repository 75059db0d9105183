//go:build linux

package live

import "strings"

// loaded is what is in the table; zero if there is none.
type loaded struct {
	policy    string
	asleep    bool
	leftovers bool // something of an older policy is left
	open      bool // a source has opened the door of the one knock that all policies have
	unmended  bool // the guard of doors may not fit that
}

func (l loaded) String() string {
	if l == (loaded{}) {
		return "nothing"
	}
	text := l.policy
	for _, has := range []struct {
		is   bool
		text string
	}{{l.asleep, " asleep"}, {l.leftovers, " over another"}, {l.open, ", open"}, {l.unmended, ", unmended"}} {
		if has.is {
			text += has.text
		}
	}
	return text
}

// The lines of a listing.
const (
	policyLine   = "\tpolicy "
	dormantLine  = "\tflags dormant"
	leftoverLine = "\tchain of_an_older_policy"
	doorsLines   = "\trule about 0x00000001\n\tset grants4 {\n\t}\n"
	doorElement  = "192.0.2.7 . 0x00000001"
)

// listing is the table as nft lists it, except that it does not tell how the guard fits.
func (l loaded) listing() string {
	text := policyLine + l.policy + "\n"
	if l.asleep {
		text += dormantLine + "\n"
	}
	if l.leftovers {
		text += leftoverLine + "\n"
	}
	if l.open {
		return text + strings.Replace(doorsLines, "{\n", "{\n\t\telements = { "+doorElement+" }\n", 1)
	}
	return text + doorsLines
}

func parseLoaded(listing string) loaded {
	_, rest, _ := strings.Cut(listing, policyLine)
	policy, _, _ := strings.Cut(rest, "\n")
	return loaded{
		policy: policy, asleep: strings.Contains(listing, dormantLine),
		leftovers: strings.Contains(listing, leftoverLine), open: strings.Contains(listing, doorElement),
	}
}
