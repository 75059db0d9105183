package knockd

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// opening is what a command does that can be told: it lets one source reach
// services, or takes that back.
type opening struct {
	services []lang.Service // sorted, each once
	at       []lang.Prefix  // where these are, the same; none: on the host
	remove   bool
	guessed  bool // a port was given without its protocol, TCP is meant

	lasts time.Duration // 0: until it is taken back
	in    string        // the chain or set that it adds something to, or takes it out of
}

// readCommand finds out what a command opens. problem says why that cannot be
// told; it goes on from a colon.
func readCommand(text, iface string) (o opening, problem string) {
	if chain, ok := deletesListed(text); ok {
		return opening{remove: true, in: chain}, ""
	}
	commands, problem := shellCommands(text)
	if problem != "" {
		return opening{}, problem
	}
	commands, problem = withoutReload(commands)
	if problem != "" {
		return opening{}, problem
	}
	places := places{}
	for i, words := range commands {
		r := rule{iface: iface}
		problem := r.read(words)
		if o.in = r.in; problem != "" {
			return opening{lasts: r.lasts, in: r.in}, problem
		}
		if i > 0 && r.remove != o.remove {
			return opening{}, "it both opens and closes"
		}
		if r.element && len(commands) == 1 {
			return opening{remove: true, in: r.in}, ""
		}
		services, problem := r.services()
		if problem != "" {
			return opening{}, problem
		}
		places.add(services, r.at)
		o.remove, o.guessed = r.remove, o.guessed || r.guessed
		o.lasts = max(o.lasts, r.lasts)
	}
	o.services, o.at, problem = places.all()
	return o, problem
}

// rule is the part of a firewall rule that has been read.
type rule struct {
	iface string // where the rule may hold without being another one
	bits  int    // of an address that the firewall takes; 0: of either family

	behind  string        // what is wrong if the rule is about packets to any other host
	at      []lang.Prefix // where packets go; the zero value, or none: anywhere
	placed  bool          // the rule is put into a chain, or taken out of it
	remove  bool          // it is taken out
	source  bool          // it is about packets of the knocker alone
	accept  bool
	protos  []lang.Proto // none: not said
	ports   []portRange  // none: all
	guessed bool

	lasts   time.Duration // 0: until it is taken out
	in      string        // a chain or set, with its table
	element bool          // it takes an element out of a set
}

// read reads the command of one of the firewalls that are known.
func (r *rule) read(words []string) (problem string) {
	switch name := path.Base(words[0]); name {
	case "iptables", "ip6tables", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy":
		if strings.HasPrefix(name, "ip6") {
			r.bits = 128
		} else {
			r.bits = 32
		}
		return r.iptables(&arguments{words[1:]})
	case "nft":
		return r.nft(&arguments{nftWords(words[1:])})
	case "firewall-cmd":
		return r.firewalld(&arguments{words[1:]})
	case "ufw":
		return r.ufw(&arguments{words[1:]})
	case "ipset":
		return r.ipset(&arguments{words[1:]})
	}
	return fmt.Sprintf("%s is not a command that knockc knows", lang.Quote(words[0]))
}

// services are what the rule opens.
func (r *rule) services() (services []lang.Service, problem string) {
	switch {
	case !r.placed:
		return nil, "it neither adds nor deletes a rule"
	case !r.source:
		return nil, "it does not apply only to packets from %IP%"
	case !r.accept:
		return nil, "it does not accept"
	case len(r.ports) == 0:
		return nil, "it names no port"
	case r.behind != "" && (len(r.at) == 0 || slices.Contains(r.at, lang.Prefix{})):
		return nil, r.behind
	}
	for _, proto := range r.protos {
		for _, p := range r.ports {
			services = append(services, lang.Service{Proto: proto, First: p.first, Last: p.last})
		}
	}
	return services, ""
}

// isKnocker reports whether an address is the one that knockd fills in.
func isKnocker(address string) bool {
	return address == "%IP%" || address == "%IP%/32" || address == "%IP%/128"
}

// on takes the interface of a rule; it may be the one that knocks arrive at.
func (r *rule) on(iface string) (problem string) {
	if iface == r.iface {
		return ""
	}
	return fmt.Sprintf("it applies only to the interface %s", lang.Quote(iface))
}

// unknown says that a word means something that is not known here.
func unknown(text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "something is missing at its end"
	case text[0] == '!':
		return "it excludes something with `!`"
	}
	return "knockc does not know what " + lang.Quote(text) + " means here"
}

// arguments are the words of a command that are not read yet.
type arguments struct{ words []string }

// next takes a word, "" if there is none.
func (a *arguments) next() string {
	if len(a.words) == 0 {
		return ""
	}
	first := a.words[0]
	a.words = a.words[1:]
	return first
}

// skip takes the next word if it is such a one.
func (a *arguments) skip(is func(string) bool) bool {
	if len(a.words) == 0 || !is(a.words[0]) {
		return false
	}
	a.next()
	return true
}
