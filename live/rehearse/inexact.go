//go:build linux

package rehearse

import (
	"strings"

	"example.org/knockc/internal/lazy"
	"example.org/knockc/internal/nftrace"
)

var (
	chainLine = lazy.Regexp(`^\tchain (\S+) \{$`)

	// What the copy cannot tell: of Ethernet, of bridges and other kinds of interfaces, of
	// processes and their sockets, and where something outside of the rules decides.
	inexactNft = lazy.Regexp(`\b(ether|vlan|arp|(?:i|o)if(?:type|kind|group)|(?:i|o)br(?:name|port|pvid|vproto)|` +
		`sdif(?:name)?|secmark|secpath|ipsec|skuid|skgid|cgroup|socket|osf|synproxy|tproxy|queue) `)
	inexactIptables = lazy.Regexp(`-[mj] (mac|physdev|owner|cgroup|socket|osf|policy|set|SYNPROXY|TPROXY|NFQUEUE|SET)\b`)
)

// inexact are the chains whose rules ask for what the copy does not have, as a TUN device has
// no Ethernet header, and what that is.
func (t *table) inexact() map[nftrace.Chain]string {
	found := map[nftrace.Chain]string{}
	if t.iptables != "" {
		for line := range strings.Lines(t.text) {
			f := strings.Fields(line)
			if m := inexactIptables().FindStringSubmatch(line); m != nil && len(f) > 1 && f[0] == "-A" {
				found[nftrace.Chain{Table: t.String(), Name: f[1]}] = m[1]
			}
		}
		return found
	}
	name := ""
	for line := range strings.Lines(t.text) {
		if m := chainLine().FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			name = m[1]
		}
		if m := inexactNft().FindStringSubmatch(quoted().ReplaceAllString(line, `""`)); m != nil && name != "" {
			found[nftrace.Chain{Table: t.String(), Name: name}] = m[1]
		}
	}
	return found
}
