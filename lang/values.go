package lang

import (
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/participle/v2/lexer"
)

// The bounds of durations in a policy.
const (
	MinDuration = time.Millisecond
	MaxDuration = 365 * 24 * time.Hour
)

// MaxName is the greatest length of a name, in bytes.
const MaxName = 64

// quote shows a piece of the text in a message, a long one not whole.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return "`" + Printable(text) + "`"
}

// nameProblem says why a text is no name; "" if it is one.
func nameProblem(text string) string {
	switch {
	case len(text) > MaxName:
		return "it is longer than 64 characters"
	case text == "" || !isLetter(text[0]) || text[0] == '_':
		return "it does not start with a letter"
	case strings.HasSuffix(text, "-"):
		return "it ends in `-`"
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return r >= 0x80 || !isLetter(byte(r)) && !isDigit(byte(r)) && r != '-'
	}); i >= 0 {
		return "it holds `" + text[i:i+1] + "`; letters, digits, `_` and `-` are allowed"
	}
	return ""
}

// IsName reports whether a text has the shape of a name.
func IsName(text string) bool { return nameProblem(text) == "" }

// ParsePort reads a port: 1 to 65535, decimal, no leading zeros. What is wrong
// with the text is part of a sentence that begins with it.
func ParsePort(text string) (port uint16, problem string) {
	if strings.Trim(text, "0123456789") != "" || text == "" {
		return 0, "is not a port number"
	}
	n, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil || n == 0:
		return 0, "is not a port: ports are 1 to 65535"
	case text[0] == '0':
		return 0, "has a leading zero"
	}
	return uint16(n), ""
}

func (p *parser) port(t lexer.Token) (uint16, bool) {
	port, problem := ParsePort(t.Value)
	if problem == "" {
		return port, true
	}
	f := p.errorf(CodePort, tokenSpan(t), "%s %s", quote(t.Value), problem)
	if trimmed := strings.TrimLeft(t.Value, "0"); problem == "has a leading zero" {
		f.hint("%s", trimmed)
	}
	return 0, false
}

func (p *parser) duration(value *termNode, d *time.Duration) {
	got, err := ParseDuration(value.text(), time.Millisecond)
	switch {
	case err == errNoUnit:
		p.errorf(CodeDuration, value.span(), "%s has no unit", quote(value.text())).hint("%ss", value.text())
	case err != nil:
		p.errorf(CodeDuration, value.span(), "%s %v", quote(value.text()), err).
			hint("a duration is numbers with units, largest first: 1m30s, 1.5s, 500ms")
	case got < MinDuration || got > MaxDuration:
		p.errorf(CodeDuration, value.span(), "%s is out of range: durations are 1ms to 365d", quote(value.text()))
	default:
		*d = got
	}
}

// protocol takes the `tcp/` or `udp/` off a term's tokens; false if what
// stands there is something else.
func (p *parser) protocol(term *termNode, what string) (Proto, []lexer.Token, bool) {
	first := term.Tokens[0]
	if len(term.Tokens) < 2 || term.Tokens[1].Value != "/" {
		if first.Value == "ping" && what == "step" {
			p.notYet(term.span(), "the step `ping`")
			return 0, nil, false
		}
		return TCP, term.Tokens, true
	}
	switch first.Value {
	case "tcp":
		return TCP, term.Tokens[2:], true
	case "udp":
		return UDP, term.Tokens[2:], true
	case "ping":
		if what == "step" {
			p.notYet(term.span(), "the step `ping`")
		} else {
			p.errorf(CodeUnknown, term.span(), "`ping` cannot be a service").hint("services are tcp or udp ports")
		}
		return 0, nil, false
	}
	f := p.errorf(CodeUnknown, tokenSpan(first), "unknown protocol %s", quote(first.Value))
	if near := Nearest(first.Value, []string{"tcp", "udp"}); near != "" {
		f.hint("did you mean `%s`?", near)
	} else {
		f.hint("protocols are tcp and udp")
	}
	return 0, nil, false
}

func (p *parser) step(term *termNode, k *Knock) {
	proto, tokens, ok := p.protocol(term, "step")
	if !ok {
		return
	}
	switch {
	case len(tokens) == 1 && tokens[0].Type == tokenNumber:
		if port, ok := p.port(tokens[0]); ok {
			k.Steps = append(k.Steps, Step{proto, port, term.span()})
		}
	case len(tokens) == 3 && tokens[1].Value == "-":
		p.errorf(CodePort, term.span(), "a step is one port, %s is a range", quote(term.text()))
	default:
		p.errorf(CodePort, term.span(), "%s is not a step", quote(term.text())).hint("a step is a port: 1234, tcp/1234 or udp/1234")
	}
}

func (p *parser) service(term *termNode, k *Knock) {
	proto, tokens, ok := p.protocol(term, "service")
	if !ok {
		return
	}
	switch {
	case len(tokens) == 1 && tokens[0].Type == tokenNumber:
		if port, ok := p.port(tokens[0]); ok {
			k.Services = append(k.Services, Service{proto, port, port, term.span()})
		}
	case len(tokens) == 3 && tokens[1].Value == "-":
		first, ok1 := p.port(tokens[0])
		last, ok2 := p.port(tokens[2])
		if ok1 && ok2 && first > last {
			p.errorf(CodePort, term.span(), "the range %s runs from high to low", quote(term.text())).hint("%d-%d", last, first)
		} else if ok1 && ok2 {
			k.Services = append(k.Services, Service{proto, first, last, term.span()})
		}
	default:
		p.errorf(CodePort, term.span(), "%s is not a service", quote(term.text())).
			hint("a service is a port or a range: 22, tcp/8000-8010 or udp/53")
	}
}
