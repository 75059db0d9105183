package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/explore"
	"example.org/knockc/lang"
)

var buildCommand = &command{
	name:  "build",
	usage: "[-o FILE] [-fragment] [-prove] [-anyway] POLICY",
	short: "compile a policy to an nft script",
	long: `
Build compiles a policy to a script for ` + "`nft -f`" + `, for IPv4 and IPv6. You can load
the script again, or load the script of a newer policy over it. That replaces the
rules and keeps progress and open doors. Only edited knocks begin again. Chains and
counters that no rule uses any more stay in the table, without effect.

The script makes a table of its own, knockc. That table can only block packets: the
host's own firewall must accept packets to the guarded services too. To remove
everything, delete the table:

    nft delete table inet knockc

If nothing on the host used connection tracking before, loading the script cuts
existing connections to the guarded services, perhaps your own. Apply avoids that.

With -fragment, build prints the rules without a table. Include them in a table of your
own, of the family inet, and jump to them at each hook, before your rules for
established connections. This is a complete example; replace its last rule by your own:

    add table inet filter
    flush table inet filter
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
            icmp type echo-request accept
            icmpv6 type { echo-request, nd-neighbor-solicit } accept
            icmpv6 type { nd-neighbor-advert, nd-router-advert } accept
            tcp dport 80 accept
        }
    }

The first two lines flush the old rules, so you can load the file again, and open
doors stay open. Without them, each load would add all rules once more. If the file
begins with "flush ruleset" or "delete table" instead, loading it shuts open doors.
IPv6 does not work without the rules for ICMPv6.

A policy with "at" needs a third jump: "jump knockc_forwarded" at the hook
forward. With "hook input" there is only one: "jump knockc", at the hook input. The
comment at the top of the output lists the jumps that it needs.

The fragment accepts or refuses packets at once; all other packets come back to
your rules. Rules that must apply to all packets, such as a list of addresses to
drop, belong before the jumps. While the file is being loaded, the fragment may decide
nothing about a packet to a guarded port, so make your rules refuse every packet that
nothing accepts. "policy drop" does that.

All names in the fragment begin with knockc, or with the name that the policy gives
with "table". A "priority" in the policy has no effect. The commands status, follow,
grant and revoke work on fragments too. To remove everything, remove the include and the
jumps, and load your file once with "delete table inet filter" in place of the flush.

With -prove, build first does what prove does, and writes nothing if it finds a difference.

Build refuses a policy without a knock, because a file that was cut short would
open the host; -anyway allows it. If anything fails, FILE stays as it was.

If POLICY is -, build reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var b building
		flags.StringVar(&b.output, "o", stdio, "write to `FILE`; a new file is readable only by its owner")
		flags.BoolVar(&b.fragment, "fragment", false, "print the rules without a table, to include them in your own")
		flags.BoolVar(&b.prove, "prove", false, "show first that the rules do what the policy means, see prove")
		anywayFlag(flags, &b.anyway)
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return notOne(args)
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
	policy, output          string
	fragment, prove, anyway bool
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
	if b.prove {
		if err := s.prove(result, packetsFor(policy), func(explore.Proof) {}); err != nil {
			return err
		}
	}
	return s.writeBy(b.output, 0o600, func(w io.Writer) error {
		if b.fragment {
			use := append(fragmentUse(result.Ruleset), codesUse(result.Codes)...)
			return result.Ruleset.Fragment().WriteFragment(w, b.header(src, policy, use))
		}
		use := append(scriptUse(policy.Settings.Table), codesUse(result.Codes)...)
		return result.Ruleset.WriteNFT(w, b.header(src, policy, use))
	})
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
		"Do not edit this file: edit the policy and build again. It holds the secret.",
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

// codesUse says what loads one-time codes, if the policy has any.
func codesUse(codes []compiler.CodesOf) []string {
	if len(codes) == 0 {
		return nil
	}
	var knocks []string
	for _, c := range codes {
		knocks = append(knocks, c.Knock)
	}
	return []string{"", "One-time codes are not in this file: without `knockc refill POLICY` nobody can open " + strings.Join(knocks, ", ")}
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
		"Remove everything:                   remove these lines, and load your file once with",
		"                                     `delete table` or `flush ruleset` at its beginning")
}

// notOne is the error about more policies than one, or none. A second name is most likely
// where the script is to go.
func notOne(args []string) error {
	if len(args) == 2 && !exists(args[1]) {
		return meant("build: takes one policy", "build", "-o", args[1], args[0])
	}
	return usagef("takes one policy")
}
