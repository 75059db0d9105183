package knockd

import (
	"path"
	"slices"
	"strings"
)

// deletesListed recognizes a command that looks for the rule of a source in a listing, and
// deletes it by its handle or number. It may do so with `$(...)`, in a loop, with a variable
// or with xargs. It returns the chain.
func deletesListed(command string) (chain string, ok bool) {
	words := strings.FieldsFunc(command, func(r rune) bool { return isSpace(r) || strings.ContainsRune(`"'(){};|`, r) })
	if !strings.Contains(command, "%IP%") || slices.Contains(words, "add") || slices.Contains(words, "insert") {
		return "", false
	}
	deleted := func([]string) string { return "" }
	if slices.Contains(words, "list") {
		deleted = deletedByHandle
	} else if slices.Contains(words, "--line-numbers") {
		deleted = deletedByNumber
	}
	for i := range words {
		found := deleted(words[i:])
		if found != "" && chain != "" {
			return "", false
		}
		chain += found
	}
	return chain, chain != ""
}

// deletedByHandle is the chain that words of nft delete a rule from, if they begin like that.
func deletedByHandle(words []string) (chain string) {
	a := &arguments{words}
	if a.next() != "delete" || a.next() != "rule" {
		return ""
	}
	table, chain := a.place()
	if a.next() != "handle" {
		return ""
	}
	return "nft " + table + " " + chain
}

// deletedByNumber is the same for a command of iptables.
func deletedByNumber(words []string) (chain string) {
	a := &arguments{words}
	if name := path.Base(a.next()); name != "iptables" && name != "ip6tables" {
		return ""
	}
	a.skip(func(w string) bool { return w == "-w" })
	if option := a.next(); option != "-D" && option != "--delete" {
		return ""
	}
	chain = a.next()
	if number := a.next(); number != "" && !strings.ContainsRune("$`", rune(number[0])) {
		return ""
	}
	return "iptables " + chain
}
