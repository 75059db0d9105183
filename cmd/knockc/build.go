package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"path/filepath"

	"knockc/compiler"
	"knockc/lang"
)

var buildCommand = &command{
	name:  "build",
	usage: "[-o FILE] [-fragment] [-anyway] POLICY",
	short: "compile a policy to an nft script",
	long: `
Build compiles a policy to a script for ` + "`nft -f`" + `, for IPv4 and IPv6. Loaded
again, or over an older one, it replaces the rules and keeps who has got how
far and which doors are open, but for the knocks that were edited: these begin
anew. Chains and counters that are not named any more stay behind, out of use.

The script makes a table of its own, knockc. That table only takes away: what
it lets through, the host's own firewall must let through too. To remove
everything, delete the table:

    nft delete table inet knockc

With -fragment the output has no table. Include it in your own, of the family
inet, and jump to it at each hook, before your own rules for established
connections:

    table inet filter {
        include "/etc/knock.nft"
        chain prerouting {
            type filter hook prerouting priority -110;
            jump knockc_guard
        }
        chain input {
            type filter hook input priority filter; policy drop;
            jump knockc_arrived
            ct state established,related accept
            iifname "lo" accept
            tcp dport 80 accept
        }
    }

A policy with "at" needs a third one: "jump knockc_forwarded" at the hook
forward. With "hook input" there is only "jump knockc", at the hook input. The
output begins with those that it has.

What the fragment lets in or refuses is decided then and there; all other packets
come back to your rules. What shall hold for all, such as a list of addresses to
drop, stands before the jumps. All its names begin with knockc, or the name that
the policy gives with "table"; "priority" means nothing in it. A file of yours
that begins with "flush table inet filter" keeps open doors open when it is
loaded again; with "flush ruleset" or "delete table" it shuts them. While it is
loaded, a packet to a guarded port may for a moment come back to your rules
undecided, so let these refuse all packets that nothing accepts. To remove
everything, take the lines out and load your file with one of these two.

A policy without a knock is refused, because a file that was cut short would open
the host; -anyway takes it. If anything fails, FILE is left as it is.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var b building
		flags.StringVar(&b.output, "o", stdio, "write to `FILE`, which only its owner can read if it is new")
		flags.BoolVar(&b.fragment, "fragment", false, "leave the table out, to be included in one")
		anywayFlag(flags, &b.anyway)
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one policy")
			case b.output == "":
				return usagef("-o needs a file")
			case sameFile(args[0], b.output):
				return usagef("-o would overwrite the policy %s", args[0])
			}
			b.policy = args[0]
			return b.run(s)
		}
	},
}

// building is one run of the command.
type building struct {
	policy, output   string
	fragment, anyway bool
}

func (b *building) run(s *streams) error {
	src, err := s.read(b.policy)
	if err != nil {
		return err
	}
	policy, result, err := s.compileToLoad(b.policy, src, b.anyway)
	if err != nil {
		return err
	}
	var script bytes.Buffer
	switch {
	case b.fragment:
		use := fragmentUse(result.Ruleset)
		err = result.Ruleset.Fragment().WriteFragment(&script, b.header(src, policy, use))
	default:
		err = result.Ruleset.WriteNFT(&script, b.header(src, policy, scriptUse(policy.Settings.Table)))
	}
	if err != nil {
		return err
	}
	return s.write(b.output, script.Bytes(), 0o600)
}

// header is what the output says of itself.
func (b *building) header(src []byte, policy *lang.Policy, use []string) []string {
	name := filepath.Base(b.policy)
	if b.policy == stdio {
		name = "standard input"
	}
	lines := []string{
		fmt.Sprintf("Made by knockc %s from %s", version, lang.Printable(name)),
		fmt.Sprintf("SHA-256 of the policy: %x", sha256.Sum256(src)),
		"Edit the policy and build again, not this file. It holds the secret.",
		"",
	}
	lines = append(append(lines, use...), "")
	for _, k := range policy.Knocks {
		lines = append(lines, k.String())
	}
	return lines
}

func scriptUse(table string) []string {
	return []string{
		"Load or reload:     nft -f FILE   (open doors stay open)",
		"Remove everything:  nft delete table inet " + table,
	}
}

func fragmentUse(r *compiler.Ruleset) []string {
	lines := []string{`In a table of the family inet:       include "FILE"`}
	for _, e := range r.Entries() {
		at := "First at " + e.Hook.String()
		if e.Hook == compiler.Prerouting {
			at += fmt.Sprintf(", priority %d", lang.PreroutingPriority)
		}
		lines = append(lines, fmt.Sprintf("%-36s jump %s", at+":", e.Chain))
	}
	return append(lines,
		"Remove everything:                   take all out, and load the table anew, from",
		"                                     `delete table` or `flush ruleset` on")
}
