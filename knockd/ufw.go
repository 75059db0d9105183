package knockd

import (
	"strings"

	"example.org/knockc/lang"
)

// ufw reads the arguments of ufw (ufw(8), the extended syntax). A rule without a
// protocol is for both.
func (r *rule) ufw(a *arguments) (problem string) {
	r.protos = []lang.Proto{lang.TCP, lang.UDP}
	for len(a.words) > 0 && problem == "" {
		problem = r.ufwWord(a.next(), a)
	}
	return problem
}

func (r *rule) ufwWord(word string, a *arguments) (problem string) {
	switch word {
	case "--force", "rule", "prepend", "in":
	case "delete":
		r.remove = true
	case "insert":
		if !a.skip(lang.IsDigits) {
			return unknown(word)
		}
	case "allow":
		r.placed, r.accept = true, true
	case "from":
		source := a.next()
		if r.source = isKnocker(source); !r.source {
			return unknown(source)
		}
		if a.skip(func(w string) bool { return w == "port" }) {
			return "it names a port of the knocker's own"
		}
	case "to":
		if !a.skip(func(w string) bool { return w == "any" }) {
			return r.destination(a.next())
		}
	case "on":
		return r.on(a.next())
	case "proto":
		r.protos, problem = protocols(a.next())
	case "port":
		r.ports, problem = readPorts(a.next(), ":")
	case "comment":
		a.next()
	default:
		if port, _, _ := strings.Cut(word, "/"); r.placed && lang.IsDigits(port) {
			return forEveryone
		}
		return unknown(word)
	}
	return problem
}
