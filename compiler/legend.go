package compiler

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Legend says what a rule is for. It is the rule's comment, for people and for package
// live. From legends, package live knows what a loaded policy is, even if an earlier
// version has made its rules.
type Legend struct {
	For   Purpose
	Knock string
	Step  int      // of [ForStep], [ForOpening] and [ForClose]
	Of    int      // how many steps the sequence has
	At    []string // of [ForService] and [ForOnce]: the prefixes of `at`; if there is no room for all, `...` is the last
	From  string   // of [ForAdmission]: the prefix, if one is asked for
	On    string   // of [ForAdmission]: the interface, if one is asked for
	Text  string   // of [ForMark] and [ForSettings]

	Loaded time.Time // of [ForMark]: when the rules were loaded, zero if nobody has noted it
}

// Purpose is what a rule with a legend is for. The comments of other rules are only for
// people.
type Purpose int

const (
	ForStep      Purpose = iota + 1 // it does a step of the sequence, but not the last
	ForOpening                      // it does the last step and opens the door
	ForClose                        // it does a step of the `close` sequence
	ForService                      // it lets sources with a grant to a service
	ForOnce                         // it ends the grant of a source that was let in once
	ForCode                         // it spends a one-time code
	ForAdmission                    // it admits sources at a step by `from` and `on`; the chain says of which knock, see [AdmittingKnock]
	ForMark                         // it says that knockc has made the table, and gives the hash of the policy
	ForSettings                     // it lists the settings that are not the defaults
)

// maxComment is the longest comment of a rule (NFTNL_UDATA_COMMENT_MAXLEN).
const maxComment = 127

// loadedAt comes before the time in a mark.
const loadedAt = " loaded "

// cutShort is the end of a comment that is too long.
const cutShort = " ..."

// Comment is the rule's comment.
func (l Legend) Comment() string {
	switch l.For {
	case ForStep:
		return stepText(l.Knock, l.Step, l.Of)
	case ForOpening:
		return stepText(l.Knock, l.Step, l.Of) + " opens"
	case ForClose:
		return stepText(l.Knock, l.Step, l.Of) + " of close"
	case ForService:
		return withAt("service of "+l.Knock, l.At)
	case ForOnce:
		return withAt("once "+l.Knock, l.At)
	case ForCode:
		return "code of " + l.Knock
	case ForAdmission:
		comment := "admits"
		if l.From != "" {
			comment += " from " + l.From
		}
		if l.On != "" {
			comment += " on " + l.On
		}
		return comment
	case ForMark:
		comment := "knockc policy " + l.Text
		if !l.Loaded.IsZero() {
			comment += loadedAt + l.Loaded.UTC().Format(time.RFC3339)
		}
		return comment
	case ForSettings:
		text := "settings: " + l.Text
		if len(text) > maxComment {
			text = strings.ToValidUTF8(text[:maxComment-len(cutShort)], "") + cutShort
		}
		return text
	}
	panic(fmt.Sprintf("compiler: no comment for purpose %d", l.For))
}

// stepText names a step of a sequence, counted from 1: `ssh 2/4`.
func stepText(knock string, step, of int) string {
	return knock + " " + strconv.Itoa(step) + "/" + strconv.Itoa(of)
}

// withAt is a comment with the prefixes of `at` for which there is room.
func withAt(comment string, at []string) string {
	if len(at) > 0 {
		comment += " at"
	}
	for _, prefix := range at {
		if len(comment+" "+prefix) > maxComment-len(cutShort) {
			return comment + cutShort
		}
		comment += " " + prefix
	}
	return comment
}

// prefixTexts are prefixes as people write them.
func prefixTexts(prefixes []netip.Prefix) []string {
	var texts []string
	for _, p := range prefixes {
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		texts = append(texts, text)
	}
	return texts
}

// The forms of legends. Most commands never read one.
var (
	stepForm      = form(`^(\S+) (\d+)/(\d+)( opens| of close)?$`)
	serviceForm   = form(`^(service of|once|code of) (\S+)(?: at (.+))?$`)
	admissionForm = form(`^admits(?: from ([0-9a-f.:/]+))?(?: on (.+))?$`)
	textForm      = form(`^(knockc policy|settings:) (.*)$`)
)

// form is a regular expression that is compiled when it is needed.
func form(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// ParseLegend reads the legend in a rule's comment; false if there is none.
func ParseLegend(comment string) (l Legend, ok bool) {
	if s := stepForm().FindStringSubmatch(comment); s != nil {
		step, err := strconv.Atoi(s[2])
		of, err2 := strconv.Atoi(s[3])
		purpose := map[string]Purpose{"": ForStep, " opens": ForOpening, " of close": ForClose}[s[4]]
		return Legend{For: purpose, Knock: s[1], Step: step, Of: of}, err == nil && err2 == nil
	}
	if s := serviceForm().FindStringSubmatch(comment); s != nil {
		purpose := map[string]Purpose{"service of": ForService, "once": ForOnce, "code of": ForCode}[s[1]]
		l := Legend{For: purpose, Knock: s[2]}
		if s[3] != "" {
			l.At = strings.Fields(s[3])
		}
		return l, true
	}
	if s := admissionForm().FindStringSubmatch(comment); s != nil {
		return Legend{For: ForAdmission, From: s[1], On: s[2]}, true
	}
	if s := textForm().FindStringSubmatch(comment); s != nil {
		purpose := map[string]Purpose{"knockc policy": ForMark, "settings:": ForSettings}[s[1]]
		l := Legend{For: purpose, Text: s[2]}
		if hash, text, ok := strings.Cut(l.Text, loadedAt); ok && purpose == ForMark {
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				l.Text, l.Loaded = hash, at
			}
		}
		return l, true
	}
	return Legend{}, false
}
