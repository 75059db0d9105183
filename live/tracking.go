package live

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"knockc/compiler"
)

// settling is the policy, by its mark, of a table that does nothing yet but keep connection
// tracking on.
const settling = "none yet"

// Tracks reports whether the host tracks connections already, so that a guard does not
// cut those that live. t is the table that is loaded, or nil. Else it is tried: what the
// host sends to itself is tracked or not.
func Tracks(t *Table) bool {
	if t != nil {
		return !t.Settling()
	}
	tried := 0
	for _, loopback := range []string{"127.0.0.1:9", "[::1]:9"} {
		tracked, err := tracks(loopback)
		if err != nil {
			continue // the host has no such family
		}
		if !tracked {
			return false
		}
		tried++
	}
	return tried > 0
}

// tracks reports whether the kernel knows of more connections after some datagrams were
// sent to a port that nobody listens at. Others may begin and end meanwhile, so it takes
// most of them.
func tracks(address string) (bool, error) {
	const datagrams = 64
	before, err := tracked()
	if err != nil {
		return false, nil // it has never been loaded
	}
	for range datagrams {
		c, err := net.Dial("udp", address)
		if err != nil {
			return false, err
		}
		_, err = c.Write([]byte{0})
		c.Close()
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			return false, err
		}
	}
	after, err := tracked()
	return err == nil && after-before > datagrams/2, nil
}

// tracked is how many connections the kernel knows, in the thread's namespace.
func tracked() (int, error) {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// Settling reports whether the table does nothing but keep connection tracking on.
func (t *Table) Settling() bool { return t.Policy == settling }

// StartTracking switches connection tracking on: it loads the table of a ruleset with a
// single rule, which accepts what would be accepted anyway.
func (h *Host) StartTracking(r *compiler.Ruleset) error {
	base := *r.Chains[0]
	tracked := compiler.CtState{States: compiler.StateEstablished | compiler.StateRelated}
	mark := compiler.Legend{For: compiler.ForMark, Text: settling}.Comment()
	base.Rules = []compiler.Rule{{Instructions: []compiler.Instruction{tracked, compiler.Verdict{Kind: compiler.Accept}}, Comment: mark}}
	return h.Load(&compiler.Ruleset{Table: r.Table, Chains: []*compiler.Chain{&base}})
}
