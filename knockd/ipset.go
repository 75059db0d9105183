package knockd

import "strings"

// ipset reads the arguments of ipset (ipset(8)).
func (r *rule) ipset(a *arguments) (problem string) {
	a.skip(func(w string) bool { return w == "-exist" || w == "-!" })
	verb, set, entry := a.next(), a.next(), a.next()
	added := verb == "add" || verb == "-A"
	if !added && verb != "del" && verb != "-D" {
		return unknown(verb)
	}
	if !strings.Contains(entry, "%IP%") {
		return "it is not about %IP%"
	}
	for len(a.words) > 0 {
		switch option := a.next(); option {
		case "timeout":
			if problem := r.timeout(a.next()); problem != "" {
				return problem
			}
		case "comment":
			a.next()
		case "-exist", "-!":
		default:
			return unknown(option)
		}
	}
	return r.inSet("ipset ", set, added)
}
