package knockd

import (
	"path"
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

// nft reads the arguments of nft (nft(8)). What elements of sets open, a configuration does
// not say.
func (r *rule) nft(a *arguments) (problem string) {
	if verb := a.next(); verb != "add" && verb != "insert" {
		return unknown(verb)
	}
	object := a.next()
	if object != "rule" && object != "element" {
		return unknown(object)
	}
	a.skip(isFamily)
	table, chain := a.next(), a.next()
	if object == "element" {
		_, timeout, _ := strings.Cut(strings.Join(a.words, ""), "timeout")
		r.timeout(timeout)
		return "it adds to the set " + lang.Quote(chain) + ", whose rules are elsewhere"
	}
	r.placed, r.inChain = true, table+" "+chain
	problem = r.chain(chain, "daddr")
	for len(a.words) > 0 && problem == "" {
		problem = r.nftStatement(a.next(), a)
	}
	return problem
}

func isFamily(word string) bool { return slices.Contains([]string{"ip", "ip6", "inet"}, word) }

// deletesByHandle recognizes the way to delete the rule of a source: by a handle that a
// listing of the chain tells.
func deletesByHandle(command string) (chain string, ok bool) {
	rule, handle, ok := strings.Cut(command, " handle ")
	words := strings.Fields(rule)
	if !ok || len(words) < 5 || path.Base(words[0]) != "nft" || words[1] != "delete" || words[2] != "rule" {
		return "", false
	}
	if words = words[3:]; isFamily(words[0]) {
		words = words[1:]
	}
	handle = strings.TrimSpace(handle)
	lists := strings.HasPrefix(handle, "$(") || strings.HasPrefix(handle, "`")
	return strings.Join(words, " "), len(words) == 2 && lists && strings.Contains(handle, "%IP%")
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
