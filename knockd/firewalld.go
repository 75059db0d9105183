package knockd

import (
	"path"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// firewalld reads the arguments of firewall-cmd (firewall-cmd(1)). It knows rich rules
// alone: ports and services of a zone are open to everyone.
func (r *rule) firewalld(a *arguments) (problem string) {
	for len(a.words) > 0 && problem == "" {
		option, value, given := strings.Cut(a.next(), "=")
		if !given && (option == "--zone" || option == "--timeout" || strings.HasPrefix(option, "--add-") || strings.HasPrefix(option, "--remove-")) {
			value = a.next()
		}
		switch option {
		case "--permanent", "-q", "--quiet":
		case "--zone":
			if value != "public" { // the default
				problem = "it is for the zone `" + value + "` alone"
			}
		case "--add-port", "--remove-port", "--add-service", "--remove-service":
			return forEveryone
		case "--add-source", "--remove-source":
			return "it names no port"
		case "--add-rich-rule", "--remove-rich-rule":
			r.placed, r.remove = true, option == "--remove-rich-rule"
			problem = r.richRule(value)
		case "--timeout":
			problem = r.timeout(value)
		default:
			problem = unknown(option)
		}
	}
	return problem
}

const forEveryone = "it opens a port to everyone, not only to %IP%"

// withoutReload leaves out the commands that reload firewalld, without which a permanent rule
// does nothing.
func withoutReload(commands [][]string) (others [][]string, problem string) {
	permanent := false
	for _, words := range commands {
		is := func(option string) bool {
			return path.Base(words[0]) == "firewall-cmd" && slices.Contains(words, option)
		}
		if is("--reload") && len(words) == 2 {
			permanent = false
			continue
		}
		permanent = permanent || is("--permanent")
		others = append(others, words)
	}
	switch {
	case permanent:
		return nil, "its rule is permanent: firewalld has it only after `firewall-cmd --reload`"
	case len(others) == 0:
		return commands, ""
	}
	return others, ""
}

// timeout reads how long a rule or an element lasts: seconds, or numbers with units.
func (r *rule) timeout(text string) (problem string) {
	if lang.IsDigits(text) {
		text += "s"
	}
	lasts, err := lang.ParseDuration(text, time.Second)
	if err != nil {
		return unknown(text)
	}
	r.lasts = lasts
	return ""
}

// richRule reads a rule in the rich language (firewalld.richlanguage(5)).
func (r *rule) richRule(text string) (problem string) {
	words, problem := shellCommands(text) // it has quotes as the shell has
	if problem != "" || len(words) != 1 || words[0][0] != "rule" {
		return unknown(text)
	}
	a := &arguments{words[0][1:]}
	protocol, ports := "", ""
	for len(a.words) > 0 && problem == "" {
		name, value, given := strings.Cut(a.next(), "=")
		switch {
		case name == "family" && value == "ipv4":
			r.bits = 32
		case name == "family" && value == "ipv6":
			r.bits = 128
		case name == "source" || name == "port" && !given || name == "service":
		case name == "address":
			if r.source = isKnocker(value); !r.source {
				return unknown(value)
			}
		case name == "port":
			ports = value
		case name == "protocol":
			protocol = value
		case name == "name":
			port := lang.PortHint(value)
			if port == "" {
				return "knockc does not know the ports of the service " + lang.Quote(value)
			}
			if protocol, ports, given = strings.Cut(port, "/"); !given {
				protocol, ports = "tcp", port
			}
		case name == "accept":
			r.accept = true
		default:
			return unknown(name)
		}
	}
	if ports == "" || problem != "" {
		return problem
	}
	if protocol == "" {
		return "it names no protocol"
	}
	if r.protos, problem = protocols(protocol); problem == "" {
		r.ports, problem = readPorts(ports, "-")
	}
	return problem
}
