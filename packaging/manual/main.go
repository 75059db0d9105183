// Command manual writes the manual pages of knockc: knockc(1) from the help of the
// command, the other pages from the documents in spec/.
//
//	go run ./packaging/manual -knockc ./knockc -spec spec -date 2026-01-31 FOLDER
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// page is a manual page; its body is Markdown with its sections as `# NAME`.
type page struct {
	name    string
	section int
	title   string // what `man -k` shows
	body    string
	seeAlso string
}

func main() {
	knockc := flag.String("knockc", "./knockc", "the `FILE` that is asked for its help")
	spec := flag.String("spec", "spec", "the `FOLDER` of the documents")
	date := flag.String("date", "", "the `DATE` of the pages, as 2026-01-31")
	docs := flag.String("docs", "/usr/share/doc/knockc/spec", "the `FOLDER` in which readers find the documents")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "manual: takes the folder to write to")
		os.Exit(2)
	}
	if err := writePages(*knockc, *spec, *date, *docs, flag.Arg(0)); err != nil {
		fmt.Fprintf(os.Stderr, "manual: %v\n", err)
		os.Exit(1)
	}
}

func writePages(knockc, spec, date, docs, folder string) error {
	command, err := commandPage(knockc)
	if err != nil {
		return err
	}
	policy, err := documentPage(filepath.Join(spec, "language.md"))
	if err != nil {
		return err
	}
	trace, err := documentPage(filepath.Join(spec, "traces.md"))
	if err != nil {
		return err
	}
	findings, err := documentPage(filepath.Join(spec, "findings.md"))
	if err != nil {
		return err
	}
	command.seeAlso = "**knock-policy**(5), **knock-trace**(5), **knock-findings**(7), **nft**(8)"
	policy.name, policy.title = "knock-policy", "the language of port-knocking policies"
	policy.seeAlso = "**knockc**(1), **knock-trace**(5), **knock-findings**(7), **nft**(8)"
	trace.name, trace.title = "knock-trace", "packets to test a port-knocking policy with"
	trace.seeAlso = "**knockc**(1), **knock-policy**(5)"
	findings.name, findings.section, findings.title = "knock-findings", 7, "what knockc check finds in policies and traces"
	findings.seeAlso = "**knockc**(1), **knock-policy**(5), **knock-trace**(5)"
	for _, p := range []page{command, policy, trace, findings} {
		file := filepath.Join(folder, fmt.Sprintf("%s.%d", p.name, p.section))
		if err := os.WriteFile(file, p.roff(date, docs), 0o644); err != nil {
			return err
		}
	}
	return nil
}
