package knock

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// hold is how long, in seconds, the printed forms let a connection attempt go on:
// surely long enough to be made, and less than the second after which the kernel
// would send its SYN again.
const hold = "0.5"

// Bash is the sequence as one line for any shell. It runs bash, and needs no other
// programs except sleep, ping if a step is a ping, and openssl if one has a code. The host must be one that
// [CheckHost] accepts.
func (s Sequence) Bash(host string, delay time.Duration) string {
	return "bash -c '" + s.script(host, delay, shell{
		tcp: ": >/dev/tcp/$h/$1", udp: "echo >/dev/udp/$h/$1", code: "%s >/dev/udp/$h/$1;",
	}) + "'"
}

// NC is the sequence as one line for any shell. It runs sh and nc.
func (s Sequence) NC(host string, delay time.Duration) string {
	return "sh -c '" + s.ncScript(host, delay) + "'"
}

func (s Sequence) ncScript(host string, delay time.Duration) string {
	return s.script(host, delay, shell{
		tcp: "exec nc -z $h $1", udp: "echo | nc -u -w 1 $h $1", code: "{ %s | nc -u -w 1 $h $1; } >/dev/null 2>&1 &",
	})
}

// shell is how a shell sends to port $1 of $h.
type shell struct {
	tcp, udp string
	code     string // a format for the command that prints the code
}

// script is a script for a shell that holds neither quotes nor backslashes, which ssh
// might take away. Each attempt, except for a code, runs in the background and is ended
// there.
func (s Sequence) script(host string, delay time.Duration, by shell) string {
	var b strings.Builder
	pause := lang.FormatSeconds(delay)
	fmt.Fprintf(&b, "h=%s; ", host)
	if slices.ContainsFunc(s.Steps, func(s lang.Step) bool { return !s.Code }) {
		fmt.Fprintf(&b, "k() { ($* & sleep %s; kill $!) & sleep %s; } >/dev/null 2>&1; ", hold, pause)
	}
	if s.has(lang.TCP) {
		fmt.Fprintf(&b, "tcp() { %s; }; ", by.tcp)
	}
	if s.has(lang.UDP) {
		fmt.Fprintf(&b, "udp() { %s; }; ", by.udp)
	}
	if s.Secret != nil {
		b.WriteString(s.Secret.function(by.code))
	}
	for i, step := range s.Steps {
		if i > 0 {
			b.WriteString("; ")
		}
		switch {
		case step.Code:
			fmt.Fprintf(&b, "otp %d; sleep %s", step.Port, pause)
		case step.Proto != lang.Ping:
			fmt.Fprintf(&b, "k %s %d", step.Proto, step.Port)
		case step.Length == lang.AnyLength:
			b.WriteString("k ping -n -c 1 $h")
		default:
			fmt.Fprintf(&b, "k ping -n -c 1 -s %d $h", step.Length)
		}
	}
	return b.String()
}

// function is a function for a shell that sends a code. It passes on what openssl prints
// untouched, since a shell's variable cannot hold a zero byte, and bash cuts what it
// prints itself in two at a line feed. XA== is a backslash.
func (s *Secret) function(send string) string {
	mac := "printf $m | openssl dgst -sha256 -mac HMAC -macopt hexkey:" + s.Key.Text() + " -binary"
	return fmt.Sprintf("otp() { n=$(($(date +%%s)/%d)); b=$(echo XA== | openssl base64 -d); z=000; m=%s$b$z; "+
		"for s in 56 48 40 32 24 16 8 0; do m=$m$b$(printf %%03o $((n>>s&255))); done; %s }; ", s.seconds(), s.Knock, fmt.Sprintf(send, mac))
}

// has reports whether a step is an attempt of the protocol, and needs no code.
func (s Sequence) has(proto lang.Proto) bool {
	return slices.ContainsFunc(s.Steps, func(s lang.Step) bool { return s.Proto == proto && !s.Code })
}

// Debian is the sequence as a command line for knock(1), from Debian's package knockd.
// It supports neither pings nor codes: the error names the first one.
func (s Sequence) Debian(host string, delay time.Duration) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "knock -d %d %s", delay.Milliseconds(), host)
	for i, step := range s.Steps {
		if step.Proto == lang.Ping || step.Code {
			return "", fmt.Errorf("knock(1) cannot send step %d, %s", i+1, lang.Quote(step.String()))
		}
		fmt.Fprintf(&b, " %d:%s", step.Port, step.Proto)
	}
	return b.String(), nil
}

// MatchExec is the sequence for ssh_config(5): ssh knocks with bash before it
// connects to the port of the host.
func (s Sequence) MatchExec(host string, port uint16, delay time.Duration) string {
	return fmt.Sprintf("Match host %s exec \"%s\"\n\tPort %d", host, noTokens(s.Bash(host, delay)), port)
}

// ProxyCommand is the same with sh and nc; nc then carries the connection.
func (s Sequence) ProxyCommand(host string, port uint16, delay time.Duration) string {
	return fmt.Sprintf("Host %s\n\tPort %d\n\tProxyCommand sh -c '%s; exec nc %%h %%p'", host, port, noTokens(s.ncScript(host, delay)))
}

// WGQuick is the sequence for wg-quick(8): a line for the section [Interface] of a client.
// It knocks with bash before the tunnel comes up.
func (s Sequence) WGQuick(host string, delay time.Duration) string {
	// wg-quick would take %i in an address with a zone for the name of the tunnel.
	return "PreUp = " + strings.ReplaceAll(s.Bash(host, delay), "%i", `%""i`)
}

// noTokens keeps ssh from taking a `%` for the beginning of a token.
func noTokens(text string) string { return strings.ReplaceAll(text, "%", "%%") }
