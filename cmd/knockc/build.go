package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"path/filepath"

	"knockc/lang"
)

var buildCommand = &command{
	name:  "build",
	usage: "[-o FILE] POLICY",
	short: "compile a policy to an nft script",
	long: `
Build compiles a policy to a script for ` + "`nft -f`" + `, for IPv4 and IPv6. Loaded
again, or over an older one, it replaces the rules and keeps who has got how
far and which doors are open.

The script makes a table of its own, knockc. That table only takes away: what
it lets through, the host's own firewall must let through too.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		output := flags.String("o", stdio, "write to `FILE`, which only its owner can read if it is new")
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one policy")
			case *output == "":
				return usagef("-o needs a file")
			case sameFile(args[0], *output):
				return usagef("-o would overwrite the policy %s", args[0])
			}
			return build(s, args[0], *output)
		}
	},
}

func build(s *streams, name, output string) error {
	src, err := s.read(name)
	if err != nil {
		return err
	}
	policy, result, err := s.compile(name, src, lang.Warning)
	if err != nil {
		return err
	}
	var script bytes.Buffer
	if err := result.Ruleset.WriteNFT(&script, header(name, src, policy, result.Ruleset.Table)); err != nil {
		return err
	}
	return s.write(output, script.Bytes(), 0o600)
}

// header is what the script says of itself.
func header(name string, src []byte, policy *lang.Policy, table string) []string {
	if name == stdio {
		name = "standard input"
	}
	lines := []string{
		fmt.Sprintf("Made by knockc %s from %s", version, lang.Printable(filepath.Base(name))),
		fmt.Sprintf("SHA-256 of the policy: %x", sha256.Sum256(src)),
		"Edit the policy and build again, not this file. It holds the secret.",
		"",
		"Load or reload:     nft -f FILE   (open doors stay open)",
		"Remove everything:  nft delete table inet " + table,
		"",
	}
	for _, k := range policy.Knocks {
		lines = append(lines, k.String())
	}
	return lines
}
