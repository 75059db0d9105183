package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"knockc/compiler"
	"knockc/lang"
)

var buildCommand = &command{
	name:  "build",
	usage: "[-o FILE] [-fragment] [-format nft|json] [-anyway] POLICY",
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
inet, and jump to it from the chain of the input hook:

    table inet filter {
        include "/etc/knock.nft"
        chain input {
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            iifname "lo" accept
            jump knockc
        }
    }

What the fragment lets in is accepted then and there; what it does not decide
comes back to your rules. All its names begin with knockc, or the name that the
policy gives with "table"; "priority" means nothing in it. A file of yours that
begins with "flush table inet filter" keeps open doors open when it is loaded
again; with "flush ruleset" or "delete table" it shuts them. While it is loaded,
a packet to a guarded port may for a moment come back to your rules undecided,
so let these refuse what nothing accepts. To remove
everything, take both lines out and load your file with one of these two.

With -format json the output is for ` + "`nft -j -f`" + `, which knows times in whole
seconds only and, before nftables 1.0.8, refuses to load over what is loaded.

A policy without a knock is refused, because a file that was cut short would open
the host; -anyway takes it. If anything fails, FILE is left as it is.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var b building
		flags.StringVar(&b.output, "o", stdio, "write to `FILE`, which only its owner can read if it is new")
		flags.BoolVar(&b.fragment, "fragment", false, "leave the table out, to be included in one")
		flags.StringVar(&b.format, "format", "nft", "write `FORMAT`: nft or json")
		anywayFlag(flags, &b.anyway)
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one policy")
			case b.output == "":
				return usagef("-o needs a file")
			case sameFile(args[0], b.output):
				return usagef("-o would overwrite the policy %s", args[0])
			case b.format != "nft" && b.format != "json":
				return usagef("unknown format `%s`: there are nft and json", lang.Printable(b.format))
			case b.format == "json" && b.fragment:
				return usagef("-fragment is for nft's own format: JSON has no include")
			}
			b.policy = args[0]
			return b.run(s)
		}
	},
}

// building is one run of the command.
type building struct {
	policy, output, format string
	fragment, anyway       bool
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
	case b.format == "json":
		if found := notInJSON(policy); found != nil {
			s.report(s.err, b.policy, src, found)
			return errInput
		}
		err = result.Ruleset.WriteJSON(&script)
	case b.fragment:
		err = result.Ruleset.Fragment().WriteFragment(&script, b.header(src, policy, fragmentUse(policy.Settings.Table)))
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

func fragmentUse(table string) []string {
	return []string{
		"In a table of the family inet:  include \"FILE\"",
		"In its input chain:             jump " + table,
		"Remove everything:              take both out, and load the table anew, from",
		"                                `delete table` or `flush ruleset` on",
	}
}

// notInJSON finds what nft's JSON has no words for: times that are no whole seconds, and
// interfaces whose name begins as that of a set does.
func notInJSON(p *lang.Policy) []lang.Finding {
	var found []lang.Finding
	add := func(code lang.Code, at lang.Span, format string, args ...any) {
		found = append(found, lang.Finding{
			Code: code, Severity: lang.Error, Span: at, Message: "nft's JSON has " + fmt.Sprintf(format, args...), Hint: "leave -format json out",
		})
	}
	ifaces := p.Settings.TrustIfaces
	for _, k := range p.Knocks {
		ifaces = append(slices.Clip(ifaces), k.On...)
		for _, c := range []struct {
			clause string
			lasts  time.Duration
		}{{"within", k.Within}, {"total", k.Total}, {"grant", k.Grant}} {
			if c.lasts != lang.Forever && c.lasts%compiler.JSONTimeUnit != 0 {
				add(lang.CodeDuration, clauseSpan(p, k, c.clause), "times in whole seconds only, and `%s` of knock `%s` is %s", c.clause, k.Name.Text, lang.FormatDuration(c.lasts))
			}
		}
	}
	for _, i := range ifaces {
		if strings.HasPrefix(i.Name, "@") {
			add(lang.CodeIface, i.Span, "no word for an interface whose name begins with `@`")
		}
	}
	lang.SortFindings(found)
	return found
}

// clauseSpan is where a knock's clause stands, its own or that of `defaults`, or else the
// knock's name.
func clauseSpan(p *lang.Policy, k *lang.Knock, clause string) lang.Span {
	if at, own := k.Given[clause]; own {
		return at
	}
	if at, given := p.Defaults.Given[clause]; given {
		return at
	}
	return k.Name.Span
}
