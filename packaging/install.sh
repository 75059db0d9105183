#!/bin/sh
# Builds knockc and installs it below $DESTDIR$PREFIX: the command, its manual pages and
# completions, the unit and the documents. `make install` runs this.
set -eu
umask 022
cd "$(dirname "$0")/.."
: "${DESTDIR=}" "${PREFIX=/usr/local}" "${DATE=}"
: "${ZSH_FUNCTIONS=$PREFIX/share/zsh/site-functions}"

root=$DESTDIR$PREFIX
command=$root/bin/knockc
doc=$root/share/doc/knockc
pages=$(mktemp -d)
trap 'rm -r "$pages"' EXIT

# The version is that of the commit. Where git does not say, go would fail.
vcs=auto
git status >/dev/null 2>&1 || vcs=false

mkdir -p "$root/bin"
CGO_ENABLED=0 go build -trimpath -buildvcs=$vcs -ldflags='-s -w' -o "$command" ./cmd/knockc
go run ./packaging/manual -knockc "$command" -date "$DATE" -docs "$PREFIX/share/doc/knockc/spec" "$pages"
for section in 1 5 7; do
	install -D -m 644 -t "$root/share/man/man$section" "$pages"/*."$section"
done

# complete SHELL FILE
complete() {
	mkdir -p "$(dirname "$2")"
	"$command" completion "$1" >"$2"
}
complete bash "$root/share/bash-completion/completions/knockc"
complete zsh "$DESTDIR$ZSH_FUNCTIONS/_knockc"
complete fish "$root/share/fish/vendor_completions.d/knockc.fish"

units=$root/lib/systemd/system
mkdir -p "$units"
for unit in knockc.service knockc-refill.service knockc-refill.timer; do
	sed "s|/usr/bin/|$PREFIX/bin/|; s|/usr/share/|$PREFIX/share/|" "packaging/$unit" >"$units/$unit"
done
install -d -m 700 "$DESTDIR/var/lib/knockc" # what is known of one-time codes

install -D -m 644 -t "$doc" CHANGELOG.md
install -D -m 644 -t "$doc/spec" spec/*.md spec/grammar.ebnf spec/json.schema.json
install -D -m 644 -t "$doc/examples" testdata/policies/*
install -D -m 644 -t "$doc/metrics" packaging/metrics/*
