package lang

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/participle/v2/lexer"
)

// The bounds of values in a policy.
const (
	MinDuration   = time.Millisecond
	MaxDuration   = 365 * 24 * time.Hour
	MaxName       = 64    // bytes of a name
	MaxSteps      = 256   // of a sequence
	MaxIface      = 15    // bytes of an interface's name (IFNAMSIZ less the NUL)
	MaxPingLength = 65507 // bytes of echo data that an IPv4 packet can hold
	MaxLogPrefix  = 127   // bytes (NF_LOG_PREFIXLEN less the NUL)
	MaxKeyFile    = 1024  // bytes of the name of a key's file
	MinPeriod     = 10 * time.Second
	MaxPeriod     = time.Hour
	MaxCodes      = 1_000_000 // periods in the time for which codes are loaded
)

// span is the text that the term stands in.
func (n termNode) span() Span {
	return tokenSpan(n.Tokens[0]).To(tokenSpan(n.Tokens[len(n.Tokens)-1]))
}

// text is the term without white space, as the canonical form has it.
func (n termNode) text() string {
	if len(n.Tokens) == 1 {
		return n.Tokens[0].Value
	}
	var b strings.Builder
	for _, t := range n.Tokens {
		b.WriteString(t.Value)
	}
	return b.String()
}

// isWord reports whether the term is a plain word, such as a misspelt clause.
// No value of a list is one: an interface holds a digit or `*`, an address a
// colon.
func (n termNode) isWord() bool {
	return len(n.Tokens) == 1 && n.Tokens[0].Type == tokenWord && !strings.ContainsAny(n.Tokens[0].Value, "0123456789*:")
}

// isMisspeltPer reports whether a term is the clause `per` with a typing mistake:
// its slash makes it look like a protocol.
func (n termNode) isMisspeltPer() bool {
	first := n.Tokens[0]
	return first.Type == tokenWord && len(n.Tokens) > 1 && Nearest(first.Value, append([]string{"tcp", "udp"}, ClauseWords...)) == ClausePer.String()
}

// looksLikeAddress reports whether a term can only be meant as an address.
func looksLikeAddress(term termNode) bool {
	first := term.Tokens[0]
	return first.Type == tokenNumber || strings.Contains(first.Value, ":") && first.Type != tokenString
}

// nameProblem says why a text is no name; "" if it is one.
func nameProblem(text string) string {
	switch {
	case len(text) > MaxName:
		return fmt.Sprintf("it is longer than %d characters", MaxName)
	case text == "" || !isLetter(text[0]) || text[0] == '_':
		return "it does not start with a letter"
	case strings.HasSuffix(text, "-"):
		return "it ends in `-`"
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !isOfName(r) }); i >= 0 {
		return "it holds `" + text[i:i+1] + "`; letters, digits, `_` and `-` are allowed"
	}
	return ""
}

// isOfName reports whether a name may hold a character.
func isOfName(r rune) bool { return r < 0x80 && (isLetter(byte(r)) || isDigit(byte(r)) || r == '-') }

// IsName reports whether a text is a valid name.
func IsName(text string) bool { return nameProblem(text) == "" }

// ParsePort reads a port: 1 to 65535, decimal, no leading zeros. The problem, if there
// is one, completes a sentence that begins with the text.
func ParsePort(text string) (port uint16, problem string) {
	isPort := func(text string) bool {
		var n int
		port, n = PortPrefix(text)
		return n > 0 && n == len(text)
	}
	switch {
	case isPort(text):
		return port, ""
	case !IsDigits(text):
		return 0, "is not a port number"
	case isPort(strings.TrimLeft(text, "0")):
		return 0, "has a leading zero"
	}
	return 0, "is not a port: ports are 1 to 65535"
}

// PortPrefix reads the port at the beginning of a text. n is its length, 0 if there is
// none.
func PortPrefix(text string) (port uint16, n int) {
	value := 0
	for n < len(text) && n < 6 && isDigit(text[n]) {
		value = 10*value + int(text[n]-'0')
		n++
	}
	if value < 1 || value > math.MaxUint16 || text[0] == '0' {
		return 0, 0
	}
	return uint16(value), n
}

func (p *parser) port(t lexer.Token) (uint16, bool) {
	port, problem := ParsePort(t.Value)
	if problem == "" {
		return port, true
	}
	f := p.add(CodePort, tokenSpan(t), "%s %s", Quote(t.Value), problem)
	switch other := otherPort(t.Value); {
	case problem == "has a leading zero":
		f.instead("%s", strings.TrimLeft(t.Value, "0"))
	case other != "":
		f.instead("%s", other)
	}
	return 0, false
}

func (p *parser) duration(value termNode, d *time.Duration) {
	got, err := ParseDuration(value.text(), time.Millisecond)
	switch {
	case strings.Trim(value.text(), "0.") == "":
		p.add(CodeDuration, value.span(), "%s is out of range: durations are 1ms to 365d", Quote(value.text())).hint("write for example 5s")
	case err == errNoUnit:
		p.add(CodeDuration, value.span(), "%s has no unit", Quote(value.text())).instead("%ss", value.text())
	case err != nil:
		p.add(CodeDuration, value.span(), "%s %v", Quote(value.text()), err).
			hint("%s", cmp.Or(otherDuration(value.text()), "a duration is numbers with units, largest first: 1m30s, 1.5s, 500ms"))
	case got < MinDuration || got > MaxDuration:
		p.add(CodeDuration, value.span(), "%s is out of range: durations are 1ms to 365d", Quote(value.text()))
	default:
		*d = got
	}
}

// protocol takes the `tcp/` or `udp/` off a term's tokens; false if what stands
// there is something else. others are words that could be meant too.
func (p *parser) protocol(term termNode, others ...string) (Proto, []lexer.Token, bool) {
	first := term.Tokens[0]
	if len(term.Tokens) < 2 || term.Tokens[1].Value != "/" {
		return TCP, term.Tokens, true
	}
	switch first.Value {
	case "tcp":
		return TCP, term.Tokens[2:], true
	case "udp":
		return UDP, term.Tokens[2:], true
	}
	if other := otherPort(term.text()); other != "" {
		p.add(CodePort, term.span(), "the protocol of %s comes first", Quote(term.text())).instead("%s", other)
		return 0, nil, false
	}
	f := p.add(CodeUnknown, tokenSpan(first), "unknown protocol %s", Quote(first.Value))
	if !f.didYouMean(first.Value, append(others, "tcp", "udp")) {
		f.hint("protocols are tcp and udp")
	}
	return 0, nil, false
}

func (p *parser) step(term termNode) (Step, bool) {
	switch term.Tokens[0].Value {
	case "ping":
		return p.ping(term)
	case codeWord:
		return p.codeStep(term)
	}
	proto, tokens, ok := p.protocol(term, codeWord)
	switch {
	case !ok:
	case len(tokens) == 1 && tokens[0].Type == tokenNumber:
		port, ok := p.port(tokens[0])
		return Step{Proto: proto, Port: port, Span: term.span()}, ok
	case len(tokens) == 3 && tokens[1].Value == "-":
		p.add(CodePort, term.span(), "a step is one port, but %s is a range", Quote(term.text())).hint("%s%s", protoPrefix(proto), tokens[0].Value)
	default:
		f := p.add(CodePort, term.span(), "%s is not a step", Quote(term.text()))
		if other := otherPort(term.text()); other != "" {
			f.hint("%s", other)
		} else if strings.HasPrefix(term.text(), "icmp") {
			f.hint("ping")
		} else if !f.didYouMean(term.text(), []string{"ping"}) {
			f.hint("a step is a port or a ping: 1234, tcp/1234, udp/1234, ping, ping/120")
		}
	}
	return Step{}, false
}

// codeStep reads `otp/PORT`.
func (p *parser) codeStep(term termNode) (Step, bool) {
	if len(term.Tokens) == 3 && term.Tokens[1].Value == "/" && term.Tokens[2].Type == tokenNumber {
		port, ok := p.port(term.Tokens[2])
		return Step{Proto: UDP, Port: port, Code: true, Span: term.span()}, ok
	}
	p.add(CodePort, term.span(), "%s is not a step", Quote(term.text())).hint("a step with a one-time code is otp/62201")
	return Step{}, false
}

// ping reads `ping` or `ping/LENGTH`.
func (p *parser) ping(term termNode) (Step, bool) {
	s := Step{Proto: Ping, Length: AnyLength, Span: term.span()}
	switch {
	case len(term.Tokens) == 1:
		return s, true
	case len(term.Tokens) == 3 && term.Tokens[1].Value == "/":
		return s, p.integer(termNode{term.Tokens[2:]}, 0, MaxPingLength, "a ping's length", &s.Length)
	}
	p.add(CodePort, term.span(), "%s is not a step", Quote(term.text())).hint("a ping is ping or ping/120")
	return s, false
}

func (p *parser) service(term termNode) (Service, bool) {
	if word := term.Tokens[0].Value; word == "ping" || word == codeWord {
		p.add(CodePort, term.span(), "`%s` cannot be a service", word).hint("services are tcp or udp ports")
		return Service{}, false
	}
	proto, tokens, ok := p.protocol(term)
	switch {
	case !ok:
	case len(tokens) == 1 && tokens[0].Type == tokenNumber:
		port, ok := p.port(tokens[0])
		return Service{proto, port, port, term.span()}, ok
	case len(tokens) == 3 && tokens[1].Value == "-":
		first, ok1 := p.port(tokens[0])
		last, ok2 := p.port(tokens[2])
		if ok1 && ok2 && first > last {
			p.add(CodePort, term.span(), "the range %s runs from high to low", Quote(term.text())).
				instead("%s", Service{proto, last, first, Span{}})
			return Service{}, false
		}
		return Service{proto, first, last, term.span()}, ok1 && ok2
	default:
		p.add(CodePort, term.span(), "%s is not a service", Quote(term.text())).
			hint("%s", cmp.Or(PortHint(term.text()), "a service is a port or a range: 22, tcp/8000-8010 or udp/53"))
	}
	return Service{}, false
}

// integer reads a whole number within bounds; what is it, in a message.
func (p *parser) integer(term termNode, low, high int, what string, n *int) bool {
	text := term.text()
	got, err := strconv.Atoi(text)
	digits := strings.TrimPrefix(text, "-")
	switch {
	case !IsDigits(digits):
		p.add(CodeNumber, term.span(), "%s is not a whole number", Quote(text))
	case len(digits) > 1 && digits[0] == '0':
		p.add(CodeNumber, term.span(), "%s has a leading zero", Quote(text))
	case err != nil || got < low || got > high:
		p.add(CodeNumber, term.span(), "%s is out of range: %s is %d to %d", Quote(text), what, low, high)
	default:
		*n = got
		return true
	}
	return false
}

// prefix reads an address with an optional length.
func (p *parser) prefix(term termNode, prefixes *[]Prefix) {
	addr, problem := ParseAddr(term.Tokens[0].Value)
	if problem != "" {
		f := p.add(CodeAddress, term.span(), "%s %s", Quote(term.text()), problem)
		if hint := AddressHint(term.text()); hint != "" {
			f.hint("%s", hint)
		}
		return
	}
	length := addr.BitLen()
	bits, isMask := maskLength(term.Tokens[len(term.Tokens)-1].Value)
	switch {
	case len(term.Tokens) == 3 && isMask:
		p.add(CodeAddress, term.span(), "%s has a netmask", Quote(term.text())).instead("%s", netip.PrefixFrom(addr, bits).Masked())
		return
	case len(term.Tokens) == 3 && term.Tokens[1].Value == "/":
		if !p.integer(termNode{term.Tokens[2:]}, 0, addr.BitLen(), "the length of this prefix", &length) {
			return
		}
	case len(term.Tokens) > 1:
		p.add(CodeAddress, term.span(), "%s is not a prefix", Quote(term.text())).hint("a prefix is 192.0.2.0/24")
		return
	}
	prefix := netip.PrefixFrom(addr, length)
	if prefix != prefix.Masked() {
		p.add(CodeAddress, term.span(), "the prefix %s has bits set beyond its length", Quote(term.text())).instead("%s", prefix.Masked())
		return
	}
	*prefixes = append(*prefixes, Prefix{prefix, term.span()})
}

// iface reads the name of an interface, quoted or bare.
func (p *parser) iface(term termNode, ifaces *[]Iface) {
	text := term.text()
	name, problem, hint := ParseIface(text)
	if problem != "" {
		if f := p.add(CodeIface, term.span(), "%s", problem); hint != "" {
			f.hint("%s", hint)
		}
		return
	}
	bare, wildcard := strings.CutSuffix(name, "*")
	*ifaces = append(*ifaces, Iface{bare, wildcard, term.span()})
}

// ParseIface reads the name of an interface, quoted or bare; a `*` at its end is part
// of it. problem is a complete message, and hint is what to write instead.
func ParseIface(text string) (name, problem, hint string) {
	name, quoted := strings.CutPrefix(text, `"`)
	name = strings.TrimSuffix(name, `"`)
	bare := strings.TrimSuffix(name, "*")
	why := NotIface(name)
	switch {
	case why != "":
		return name, fmt.Sprintf("%s is not an interface name: %s", Quote(text), why), ""
	case !quoted && !strings.ContainsFunc(name, func(r rune) bool { return '0' <= r && r <= '9' || r == '*' }):
		return name, fmt.Sprintf("the interface %s has no digit, so it needs quotes", Quote(text)), `"` + Printable(name) + `"`
	case !quoted && !isBareIface(bare):
		return name, fmt.Sprintf("the interface %s needs quotes", Quote(text)), `"` + Printable(name) + `"`
	}
	return name, "", ""
}

// NotIface is why a name without quotes, of which a `*` at its end is part, is not the name
// of an interface; "" if it is one.
func NotIface(name string) (why string) {
	bare := strings.TrimSuffix(name, "*")
	switch {
	case name == "*":
		return "`*` alone would match all of them"
	case bare == "":
		return "it is empty"
	case len(name) > MaxIface:
		return fmt.Sprintf("it is longer than %d bytes", MaxIface)
	case bare == "." || bare == "..":
		return "it is the name of a folder"
	case strings.Contains(bare, "*"):
		return "`*` is allowed only at its end"
	case strings.ContainsFunc(bare, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/:\$"`, r) }):
		return "it has a character that is not allowed"
	}
	return ""
}

// isBareIface reports whether an interface needs no quotes: it is a name in which `.` and
// `@` are letters too, though not at its beginning.
func isBareIface(text string) bool {
	return isLetter(text[0]) && text[0] != '_' && !strings.HasSuffix(text, "-") &&
		!strings.ContainsFunc(text, func(r rune) bool { return !isOfName(r) && r != '.' && r != '@' })
}

// logPrefix reads the text that an opening is logged with.
func (p *parser) logPrefix(term termNode, l *Log) {
	text := strings.Trim(term.text(), `"`)
	switch {
	case len(term.Tokens) > 1:
		p.add(CodeSyntax, tokenSpan(term.Tokens[1]), "%s does not belong here", Quote(term.Tokens[1].Value))
	case text == "":
		p.add(CodeString, term.span(), "the log prefix is empty").hint("leave it out for the default text")
	case len(text) > MaxLogPrefix:
		p.add(CodeString, term.span(), "the log prefix is %d bytes long: %d are allowed", len(text), MaxLogPrefix)
	case strings.Contains(text, "$"):
		p.add(CodeString, term.span(), "a log prefix cannot contain `$`, which nft takes for a variable")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		p.add(CodeString, term.span(), "a log prefix cannot contain control characters")
	default:
		l.Prefix = text
	}
}
