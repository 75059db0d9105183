#!/bin/sh
# Builds knockc and installs it below $DESTDIR$PREFIX: the command, its manual pages and
# completions, the unit, plugins for editors and the documents, and the playground if
# `make playground` has built it. `make install` runs this. With GOOS and GOARCH, the
# command is for another system.
set -eu
umask 022
cd "$(dirname "$0")/.."
: "${DESTDIR=}" "${PREFIX=/usr/local}" "${DATE=}"
: "${ZSH_FUNCTIONS=$PREFIX/share/zsh/site-functions}"

root=$DESTDIR$PREFIX
command=$root/bin/knockc
doc=$root/share/doc/knockc
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# The version is that of the commit. Where git does not say, go would fail.
vcs=auto
git status >/dev/null 2>&1 || vcs=false

# build FILE
build() {
	CGO_ENABLED=0 go build -trimpath -buildvcs=$vcs -ldflags='-s -w' -o "$1" ./cmd/knockc
}
# here COMMAND... builds or runs for this machine.
here() (
	unset GOOS GOARCH
	"$@"
)

mkdir -p "$root/bin"
build "$command"

# The manual and the completions are what a command says that runs here.
runs=$command
if [ "$(go env GOOS GOARCH)" != "$(go env GOHOSTOS GOHOSTARCH)" ]; then
	runs=$work/knockc
	here build "$runs"
fi
here go run ./packaging/manual -knockc "$runs" -date "$DATE" -docs "$PREFIX/share/doc/knockc/spec" "$work"
for section in 1 5 7; do
	install -D -m 644 -t "$root/share/man/man$section" "$work"/*."$section"
done

# complete SHELL FILE
complete() {
	mkdir -p "$(dirname "$2")"
	"$runs" completion "$1" >"$2"
}
complete bash "$root/share/bash-completion/completions/knockc"
complete zsh "$DESTDIR$ZSH_FUNCTIONS/_knockc"
complete fish "$root/share/fish/vendor_completions.d/knockc.fish"

if [ "$(go env GOOS)" = linux ]; then
	units=$root/lib/systemd/system
	mkdir -p "$units"
	for unit in knockc.service knockc-refill.service knockc-refill.timer; do
		sed "s|/usr/bin/|$PREFIX/bin/|; s|/usr/share/|$PREFIX/share/|" "packaging/$unit" >"$units/$unit"
	done
	install -d -m 700 "$DESTDIR/var/lib/knockc" # what is known of one-time codes
fi

# Vim loads what is in such a folder, and so does Neovim.
vim=vim/vimfiles/pack/dist-bundle/start
neovim=$root/share/nvim/site/pack/dist-bundle/start
mkdir -p "$root/share/$vim/knockc" "$neovim"
cp -R editors/vim/. "$root/share/$vim/knockc"
ln -sfn "../../../../../$vim/knockc" "$neovim/knockc"
install -D -m 644 -t "$root/share/emacs/site-lisp" editors/emacs/knock-mode.el
install -D -m 644 -t "$root/share/kak/rc/filetype" editors/kakoune/knock.kak

if [ -e playground.html ]; then
	install -D -m 644 -t "$root/share/knockc" playground.html
fi
install -D -m 644 -t "$doc" CHANGELOG.md
install -D -m 644 -t "$doc/spec" spec/*.md spec/grammar.ebnf spec/json.schema.json
install -D -m 644 -t "$doc/examples" testdata/policies/*
install -D -m 644 -t "$doc/metrics" packaging/metrics/*
