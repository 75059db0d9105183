package main

// Sections of knockc(1) that no help has.
const (
	files = `# FILES

/etc/knockc/policy.knock
: The policy that knockc.service loads at boot. Only root should be able to read it.

policy.knock
: The policy of **knock**, **client**, and of traces that name none. The first two read
it from the current folder, traces from their own.

/var/lib/knockc/codes.json
: One-time codes: those that are loaded, and those that were used.

/run/knockc
: The policy on trial, and the rules that would come back. Lock files.

/usr/share/doc/knockc/examples
: Policies to start from, sorted by need in README.md there.

`
	environment = `# ENVIRONMENT

NO_COLOR
: If it is set, there are no colors, unless **-color always** asks for them.

TERM
: If it is **dumb**, there are no colors, and no bar shows how far a replay has got.

TMPDIR
: The folder for long captures that come from standard input, if not /tmp.

KNOCKC_STATE
: The folder of codes.json, if not /var/lib/knockc.

XDG_RUNTIME_DIR
: The folder for what is in /run/knockc, if knockc may not write there.

`
)
