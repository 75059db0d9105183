package lang

import (
	"cmp"
	"net"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// This file knows how other tools write what a policy or a trace says, so that a finding can
// tell what to write here. Nothing of it is a part of the language.

// otherClauses are other words for clauses.
var otherClauses = map[string]string{
	"timeout": "within", "seq_timeout": "within", "window": "within", "gap": "within",
	"for": "grant", "open": "grant", "duration": "grant", "ttl": "grant", "lifetime": "grant", "cmd_timeout": "grant",
	"iif": "on", "iifname": "on", "interface": "on", "iface": "on", "dev": "on", "device": "on", "via": "on",
	"src": "from", "source": "from", "saddr": "from", "only": "from", "allow": "from",
	"dst": "at", "daddr": "at", "host": "at", "dest": "at",
	"single": "once", "max": "total", "secret": "key", "strict": "reset",
}

// otherSettings are other words for settings.
var otherSettings = map[string]string{
	"allow": "open", "accept": "open", "permit": "open", "public": "open",
	"deny": "default", "policy": "default", "reject": "refuse", "chain": "hook",
	"whitelist": "trust", "ignore": "trust", "exempt": "trust", "door": "knock", "rule": "knock", "sequence": "knock",
}

// noIncludes are words by which other languages read a second file.
var noIncludes = []string{"include", "import", "source", "require", "use", "load"}

// services are the ports of services that are known by name (IANA's registry).
var services = map[string]string{
	"ssh": "22", "sftp": "22", "ftp": "21", "telnet": "23", "smtp": "25", "dns": "udp/53", "domain": "udp/53",
	"http": "80", "www": "80", "https": "443", "ntp": "udp/123", "imap": "143", "imaps": "993", "smb": "445",
	"ldap": "389", "rdp": "3389", "vnc": "5900", "mysql": "3306", "postgres": "5432", "postgresql": "5432",
	"redis": "6379", "openvpn": "udp/1194", "wireguard": "udp/51820", "wg": "udp/51820",
}

// otherPort is how a port is written here that has its protocol behind it or after a colon,
// as in 22/tcp, 22:udp or tcp:22; "" if a text is nothing like that.
func otherPort(text string) string {
	text = strings.ToLower(text)
	for _, proto := range []string{"tcp", "udp"} {
		rest, after := strings.CutSuffix(text, proto)
		if !after {
			rest, after = strings.CutPrefix(text, proto)
		}
		port := strings.Trim(rest, "/:. -")
		if _, n := PortPrefix(port); after && n > 0 && n == len(port) {
			return proto + "/" + port
		}
	}
	return ""
}

// PortHint says how to write what is no port; "" if there is nothing to say.
func PortHint(text string) string { return cmp.Or(otherPort(text), services[strings.ToLower(text)]) }

// longUnits are units with other names.
var longUnits = map[string]string{
	"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
	"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "msec": "ms", "msecs": "ms", "millis": "ms",
}

// otherDuration is how a duration is written here whose unit has another name; "" if a text
// is nothing like that.
func otherDuration(text string) string {
	n := numberEnd(text)
	if unit := longUnits[strings.ToLower(text[n:])]; n > 0 && unit != "" {
		if _, err := ParseDuration(text[:n]+unit, time.Nanosecond); err == nil {
			return text[:n] + unit
		}
	}
	return ""
}

// maskLength is the length of a prefix that is given as a netmask, such as 255.255.255.0.
func maskLength(text string) (bits int, ok bool) {
	addr, n := ipv4Prefix(text)
	if n == 0 || n < len(text) {
		return 0, false
	}
	bits, size := net.IPMask(addr.AsSlice()).Size()
	return bits, size > 0
}

// everyone are words for all sources.
var everyone = []string{"any", "all", "everyone", "anywhere", "world", "everywhere"}

// AddressHint says how to write what is no address; "" if there is nothing to say.
func AddressHint(text string) string {
	addr, _, hasZone := strings.Cut(text, "%")
	if _, err := netip.ParseAddr(addr); err == nil && hasZone {
		return addr
	}
	if strings.ContainsFunc(text, unicode.IsLetter) && !strings.Contains(text, ":") {
		return "write an address: what a name stands for can change"
	}
	return ""
}

// badHint says what to write instead of characters that have no meaning.
func badHint(text string, first bool) string {
	r, _ := utf8.DecodeRuneInString(text)
	switch {
	case first && text == ";":
		return "a comment begins with #"
	case strings.Trim(text, ",;=") == "":
		return "leave it out: white space separates"
	case strings.Trim(text, "{}") == "":
		return "the body of a knock stands between < and >"
	case strings.ContainsRune("→⇒➔⟶", r):
		return "did you mean `->`?"
	case strings.ContainsRune("“”„«»‘’'`", r):
		return `a string stands between "`
	case r >= utf8.RuneSelf && unicode.IsLetter(r):
		return "names are of the letters a to z, digits, `_` and `-`"
	}
	return ""
}
