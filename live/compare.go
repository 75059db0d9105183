//go:build linux

package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Compare tells in the policy's own terms what would change if the ruleset were loaded
// over the table; nil is a table that is not there. Each difference is a line that
// begins with `+`, `-` or `~`.
func Compare(old *Table, r *compiler.Ruleset) []string {
	before, after := &meanings{}, meaningsOf(r)
	if old != nil {
		before = old.meanings()
	}
	var lines []string
	if before.settings != after.settings {
		lines = append(lines, fmt.Sprintf("~ settings are %s, were %s", orUsual(after.settings), orUsual(before.settings)))
	}
	for _, name := range slices.Sorted(maps.Keys(after.knocks)) {
		k, was := after.knocks[name], before.knocks[name]
		if was == nil {
			lines = append(lines, "+ knock "+k.summary())
			continue
		}
		lines = append(lines, k.changes(was)...)
	}
	for _, name := range slices.Sorted(maps.Keys(before.knocks)) {
		if after.knocks[name] == nil {
			lines = append(lines, "- knock "+before.knocks[name].summary())
		}
	}
	return lines
}

func (k *Knock) summary() string {
	text := fmt.Sprintf("%s < %s -> %s", k.Name, strings.Join(k.Steps, " "), k.ServicesText())
	if len(k.Close) > 0 {
		text += " close " + strings.Join(k.Close, " ")
	}
	return text + " >"
}

// changes are what a knock of the same name has become. Whatever is changed, its state
// numbers are others then.
func (k *Knock) changes(was *Knock) []string {
	var lines []string
	say := func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf("~ knock %s: ", k.Name)+fmt.Sprintf(format, args...))
	}
	lists := func(what string, was, is []string) {
		switch {
		case slices.Equal(was, is):
		case len(was) == len(is):
			for i := range is {
				if was[i] != is[i] {
					say("%s %d is %s, was %s", what, i+1, is[i], was[i])
				}
			}
		default:
			say("%ss are %s, were %s", what, orNone(is), orNone(was))
		}
	}
	lists("step", was.Steps, k.Steps)
	lists("service", was.Services, k.Services)
	lists("step of close", was.Close, k.Close)
	value := func(what string, was, is any) {
		if was != is {
			say("%s is %v, was %v", what, is, was)
		}
	}
	value("within", lang.FormatDuration(was.Within), lang.FormatDuration(k.Within))
	value("grant", lang.FormatDuration(was.Grant), lang.FormatDuration(k.Grant))
	value("once", was.Once, k.Once)
	value("at", orNone(was.At), orNone(k.At))
	value("per", perText(was.Per), perText(k.Per))
	if k.grant != was.grant && len(lines) == 0 {
		say("another clause has changed")
	}
	if k.grant != was.grant {
		say("begins again, its open doors are shut")
	}
	return lines
}

func perText(per [2]int) string {
	var lengths []string
	for _, bits := range per {
		if bits > 0 {
			lengths = append(lengths, fmt.Sprintf("/%d", bits))
		}
	}
	return strings.Join(lengths, " ")
}

// ServicesText is the services as a policy has them, with `at`.
func (k *Knock) ServicesText() string {
	text := strings.Join(k.Services, " ")
	if len(k.At) > 0 {
		text += " at " + strings.Join(k.At, " ")
	}
	return text
}

func orUsual(settings string) string {
	if settings == "" {
		return "the defaults"
	}
	return "`" + settings + "`"
}

func orNone(all []string) string { return cmp.Or(strings.Join(all, " "), "none") }
