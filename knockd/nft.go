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

// nft reads the arguments of nft (nft(8)).
func (r *rule) nft(a *arguments) (problem string) {
	verb, object := a.next(), a.next()
	switch {
	case verb == "add" && object == "element", verb == "delete" && object == "element":
		return r.nftElement(verb, a)
	case verb != "add" && verb != "insert":
		return unknown(verb)
	case object != "rule":
		return unknown(object)
	}
	table, chain := a.place()
	r.placed, r.in = true, "nft "+table+" "+chain
	problem = r.chain(chain, "daddr")
	for len(a.words) > 0 && problem == "" {
		problem = r.nftStatement(a.next(), a)
	}
	return problem
}

// nftElement reads an element: what it opens, a configuration does not say.
func (r *rule) nftElement(verb string, a *arguments) (problem string) {
	table, set := a.place()
	element := strings.Join(a.words, "")
	if !strings.Contains(element, "%IP%") {
		return "it is not about %IP%"
	}
	if _, timeout, ok := strings.Cut(element, "timeout"); ok {
		r.timeout(timeout[:len(timeout)-len(strings.TrimLeft(timeout, "0123456789dhms"))])
	}
	return r.inSet("nft set "+table+" ", set, verb == "add")
}

// inSet is about an element of a set.
func (r *rule) inSet(where, set string, added bool) (problem string) {
	r.in = where + set
	if added {
		return "it adds to the set " + lang.Quote(set) + ", whose rules are elsewhere"
	}
	r.placed, r.remove, r.element = true, true, true
	return ""
}

// place takes a family, a table, and a chain or set.
func (a *arguments) place() (table, name string) {
	a.skip(isFamily)
	return a.next(), a.next()
}

func isFamily(word string) bool { return slices.Contains([]string{"ip", "ip6", "inet"}, word) }

func (r *rule) nftStatement(word string, a *arguments) (problem string) {
	switch word {
	case "position", "index", "handle":
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
