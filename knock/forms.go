package knock

import (
	"fmt"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// hold is how long, in seconds, the printed forms let a connection attempt go on:
// surely long enough to be made, and less than the second after which the kernel
// would send its SYN again.
const hold = "0.5"

// Bash is the sequence as one line for any shell. It runs bash, and needs no other
// programs except sleep, and ping if a step is a ping. The host must be one that
// [CheckHost] accepts.
func (s Sequence) Bash(host string, delay time.Duration) string {
	return "bash -c '" + s.script(host, delay, ": >/dev/tcp/$h/$1", "echo >/dev/udp/$h/$1") + "'"
}

// NC is the sequence as one line for any shell. It runs sh and nc.
func (s Sequence) NC(host string, delay time.Duration) string {
	return "sh -c '" + s.ncScript(host, delay) + "'"
}

func (s Sequence) ncScript(host string, delay time.Duration) string {
	return s.script(host, delay, "exec nc -z $h $1", "echo | nc -u -w 1 $h $1")
}

// script is a script for a shell that holds no quotes, given how to send to TCP and
// to UDP port $1 of $h. Each attempt runs in the background and is ended there.
func (s Sequence) script(host string, delay time.Duration, tcp, udp string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "h=%s; k() { ($* & sleep %s; kill $!) & sleep %s; } >/dev/null 2>&1; ", host, hold, lang.FormatSeconds(delay))
	if s.has(lang.TCP) {
		fmt.Fprintf(&b, "tcp() { %s; }; ", tcp)
	}
	if s.has(lang.UDP) {
		fmt.Fprintf(&b, "udp() { %s; }; ", udp)
	}
	for i, step := range s.Steps {
		if i > 0 {
			b.WriteString("; ")
		}
		switch {
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

func (s Sequence) has(proto lang.Proto) bool {
	for _, step := range s.Steps {
		if step.Proto == proto {
			return true
		}
	}
	return false
}

// Debian is the sequence as a command line for knock(1), from Debian's package knockd.
// It does not support pings: the error names the first one.
func (s Sequence) Debian(host string, delay time.Duration) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "knock -d %d %s", delay.Milliseconds(), host)
	for i, step := range s.Steps {
		if step.Proto == lang.Ping {
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

// noTokens keeps ssh from taking a `%` for the beginning of a token.
func noTokens(text string) string { return strings.ReplaceAll(text, "%", "%%") }
