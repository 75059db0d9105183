//go:build linux

package nftrace

import (
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/internal/lazy"
)

// FollowTable is the table inet of `knockc follow`. Whatever else looks at the host's rules
// leaves it out.
const FollowTable = "knockc_follow"

// Book has the rules of tables by their handles. It reads a table when it is first asked
// about it.
type Book struct {
	List func(args ...string) (string, error) // runs nft
	read map[string]map[Chain][]ListedRule
}

// ListedRule is a rule as nft lists it.
type ListedRule struct {
	Handle uint64
	Text   string
}

var handleOf = lazy.Regexp(`^\t\t(.*) # handle (\d+)$`)

// Rule finds the rule that an event is about, and its place in the chain; -1 if nft does
// not list it.
func (b *Book) Rule(e Event) (r ListedRule, at int) {
	all := b.rules(e.Table)[e.Chain]
	at = slices.IndexFunc(all, func(l ListedRule) bool { return l.Handle == e.Handle })
	if at >= 0 {
		r = all[at]
	}
	return r, at
}

// Forget forgets all tables, which may have changed.
func (b *Book) Forget() { b.read = nil }

// rules are those of a table. What nft does not list has none.
func (b *Book) rules(table string) map[Chain][]ListedRule {
	if all, ok := b.read[table]; ok {
		return all
	}
	if b.read == nil {
		b.read = map[string]map[Chain][]ListedRule{}
	}
	all := map[Chain][]ListedRule{}
	text, _ := b.List(append([]string{"-a", "-s", "list"}, strings.Fields(table)...)...)
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if begin, found := strings.CutPrefix(line, "\tchain "); found {
			name, _, _ = strings.Cut(begin, " ")
		}
		if m := handleOf().FindStringSubmatch(line); m != nil {
			handle, _ := strconv.ParseUint(m[2], 10, 64)
			of := Chain{table, name}
			all[of] = append(all[of], ListedRule{handle, m[1]})
		}
	}
	b.read[table] = all
	return all
}

var translation = lazy.Regexp(`\b(dnat|redirect|DNAT|REDIRECT)\b`)

// Translates reports whether a rule gives packets another destination.
func Translates(rule string) bool { return translation().MatchString(rule) }
