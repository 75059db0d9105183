package knockd

import (
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// nftWords are the words of nft's own language; the shell may have left several
// of them in one. A set of ports becomes one word.
func nftWords(arguments []string) []string {
	text := strings.Join(arguments, " ")
	var words []string
	for text != "" {
		before, rest, set := strings.Cut(text, "{")
		words = append(words, strings.Fields(before)...)
		if !set {
			break
		}
		inside, after, _ := strings.Cut(rest, "}")
		words = append(words, strings.Join(strings.Fields(inside), ""))
		text = after
	}
	return words
}

// nft reads the arguments of nft (nft(8)). A rule is deleted by its handle, of
// which a configuration knows nothing.
func (r *rule) nft(a *arguments) (problem string) {
	if verb := a.next(); verb != "add" && verb != "insert" {
		return unknown(verb)
	}
	if object := a.next(); object != "rule" {
		return unknown(object)
	}
	a.skip(func(w string) bool { return slices.Contains([]string{"ip", "ip6", "inet"}, w) })
	r.placed = true
	a.next() // the table
	problem = r.chain(a.next(), "daddr")
	for len(a.words) > 0 && problem == "" {
		problem = r.nftStatement(a.next(), a)
	}
	return problem
}

func (r *rule) nftStatement(word string, a *arguments) (problem string) {
	switch word {
	case "position", "index":
		if !a.skip(lang.IsDigits) {
			return unknown(word)
		}
	case "counter":
	case "accept":
		r.accept = true
	case "comment":
		a.words = nil // it ends the rule
	case "iif", "iifname":
		return r.on(strings.Trim(a.next(), `"`))
	case "ip", "ip6":
		field, source := a.next(), a.next()
		if field == "daddr" {
			return r.destination(source)
		}
		if r.source = field == "saddr" && isKnocker(source); !r.source {
			return unknown(word + " " + field + " " + source)
		}
	case "ct":
		if key := a.next(); key != "state" {
			return unknown("ct " + key)
		}
		return withNew(a.next())
	case "tcp", "udp":
		if field := a.next(); field != "dport" {
			return unknown(word + " " + field)
		}
		r.protos, _ = protocols(word)
		r.ports, problem = readPorts(a.next(), "-")
	default:
		return unknown(word)
	}
	return problem
}
