package trace

import (
	"cmp"
	"strings"

	"example.org/knockc/lang"
)

// This file knows how other tools write what a trace says, so that a finding can tell what
// to write here. Nothing of it is a part of the language.

// otherVerdicts are other words for verdicts.
var otherVerdicts = map[string]string{
	"allow": "accept", "allowed": "accept", "open": "accept", "ok": "accept",
	"deny": "drop", "denied": "drop", "block": "drop", "closed": "drop", "refuse": "reject", "rst": "reject", "ignore": "pass", "none": "pass",
}

// otherStates are other words for what is expected of a door.
var otherStates = map[string]string{"opened": "open", "shut": "closed", "close": "closed"}

// sourceHint is for what is no source.
func sourceHint(text string) string {
	// A port may stand after a dot, as tcpdump prints it, or after a colon too many.
	if i := strings.LastIndexAny(text, ".:"); i > 0 {
		for _, written := range []string{text[:i] + ":" + text[i+1:], "[" + text[:i] + "]:" + text[i+1:]} {
			if _, port, problem := lang.ParseSource(written); problem == "" && port > 0 {
				return written
			}
		}
	}
	if addr, bits, ok := strings.Cut(text, "/"); ok && (bits == "32" || bits == "128") {
		return addr
	}
	return lang.AddressHint(text)
}

// withPort is an IPv6 address with its last number as a port, if that is what somebody most
// likely means: four decimal digits, and the second number after `::`.
func withPort(address string) string {
	_, after, short := strings.Cut(address, "::")
	_, port, two := strings.Cut(after, ":")
	if n, _ := lang.ParsePort(port); !short || !two || n < 1000 || len(port) != 4 || address[0] == '[' {
		return ""
	}
	return "[" + strings.TrimSuffix(address, ":"+port) + "]:" + strings.Clone(port)
}

// otherPings are other words for a ping.
var otherPings = map[string]string{"icmp": "ping", "icmp6": "ping", "icmpv6": "ping", "echo": "ping", "echo-request": "ping"}

// listed is a hint for several ports in the place of one; "" if the text is not such.
func listed(text string) string {
	first, rest, several := strings.Cut(text, ",")
	if _, problem := lang.ParsePort(first); !several || problem != "" || rest == "" {
		return ""
	}
	return "write a line for each port, or a range: 1000-2000 every 1ms"
}

func verdictHint(text string) string {
	return lang.DidYouMean(cmp.Or(otherVerdicts[strings.ToLower(text)], text), "accept", "drop", "reject", "pass")
}

// stateHint is for what stands where `open` could.
func stateHint(text string) string {
	if done, of, ok := strings.Cut(text, "/"); ok && lang.IsDigits(done) && lang.IsDigits(of) {
		return "expect KNOCK at " + done + " for 192.0.2.7"
	}
	return cmp.Or(lang.DidYouMean(cmp.Or(otherStates[strings.ToLower(text)], text), "open", "closed"), expectForm)
}

// timeHint is for what stands where a time could.
func timeHint(text string) string {
	switch {
	case strings.Contains(text, ":") || strings.Count(text, "-") == 2: // of a clock, or a date
		return "times count from the start, such as 0s and 1.5s; a capture needs no trace: knockc sim FILE.pcap"
	case strings.Contains(text, ","):
		return "leave `,` out: white space separates"
	}
	return "times are 0s, 1.5s, 1m30s, +200ms"
}

// lineHint is for a line that does not begin with a time.
func lineHint(first, second string) string {
	switch strings.ToLower(first) {
	case "expect":
		return "+0s expect"
	case "assert", "check", "want":
		return "+0s expect KNOCK open for 192.0.2.7"
	case "wait", "sleep", "pause", "after":
		if _, err := lang.ParseTime(second); err == nil {
			return "begin the next line with +" + second
		}
		return "begin the next line with +5s"
	}
	return ""
}

// attributeHint is for what is no attribute; next is what follows it.
func attributeHint(text, next string) string {
	switch strings.ToLower(text) {
	case "iface", "dev", "in", "via":
		return "on " + cmp.Or(next, "eth0")
	case "interval", "gap", "delay":
		return "every " + cmp.Or(next, "1ms")
	}
	switch flags := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("+,|/", r) }); {
	case text == "->" || text == "=" || text == ">":
		return strings.TrimSpace("=> " + next)
	case lang.IsDigits(text):
		return "the length of a ping follows a slash: ping/" + text
	case len(flags) > 1:
		return strings.ToLower(strings.Join(flags, " "))
	}
	return ""
}
