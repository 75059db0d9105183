package knockd

import (
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// iptables reads the arguments of iptables or ip6tables (iptables(8),
// iptables-extensions(8)).
func (r *rule) iptables(a *arguments) (problem string) {
	for len(a.words) > 0 && problem == "" {
		option := a.next()
		if name, value, ok := strings.Cut(option, "="); ok && strings.HasPrefix(name, "--") {
			option, a.words = name, append([]string{value}, a.words...)
		}
		problem = r.iptablesOption(option, a)
	}
	if r.protos == nil {
		r.protos, r.guessed = []lang.Proto{lang.TCP}, true
	}
	return problem
}

func (r *rule) iptablesOption(option string, a *arguments) (problem string) {
	switch option {
	case "-A", "--append", "-I", "--insert", "-D", "--delete":
		r.placed, r.remove = true, option == "-D" || option == "--delete"
		chain := a.next()
		if option == "-I" || option == "--insert" {
			a.skip(lang.IsDigits)
		}
		r.in = "iptables " + chain
		return r.chain(chain, "-d")
	case "-w", "--wait":
		a.skip(lang.IsDigits)
	case "--syn":
	case "-t", "--table":
		return oneOf(a.next(), "filter")
	case "-m", "--match":
		return oneOf(a.next(), "tcp", "udp", "multiport", "state", "conntrack", "comment")
	case "--comment":
		a.next()
	case "--state", "--ctstate":
		return withNew(a.next())
	case "-j", "--jump":
		r.accept = true
		return oneOf(a.next(), "ACCEPT")
	case "-s", "--source", "--src":
		source := a.next()
		if r.source = isKnocker(source); !r.source {
			return unknown(source)
		}
	case "-d", "--destination", "--dst":
		return r.destination(a.next())
	case "-i", "--in-interface":
		return r.on(a.next())
	case "-p", "--protocol", "--proto":
		r.protos, problem = protocols(a.next())
	case "--dport", "--destination-port", "--dports", "--destination-ports":
		r.ports, problem = readPorts(a.next(), ":")
	default:
		return unknown(option)
	}
	return problem
}

// chain takes the chain of a rule. One whose packets go on to other hosts wants their
// addresses, which the rule names with a certain word.
func (r *rule) chain(name, word string) (problem string) {
	switch strings.ToLower(name) {
	case "":
		return "it names no chain"
	case "forward":
		r.behind = "a rule in the chain " + lang.Quote(name) + " must name an address behind this host, with " + lang.Quote(word)
	case "output", "prerouting", "postrouting":
		return "a knock guards services of this host, not packets in the chain " + lang.Quote(name)
	}
	return ""
}

func oneOf(text string, words ...string) (problem string) {
	if slices.Contains(words, text) {
		return ""
	}
	return unknown(text)
}

// withNew wants new connections among the states that a rule accepts.
func withNew(states string) (problem string) {
	if slices.Contains(strings.Split(strings.ToLower(states), ","), "new") {
		return ""
	}
	return "it accepts no new connections"
}
