#!/bin/sh
# Builds the playground into the file $1, or playground.html; `make playground` runs this.
# The same commit with the same Go and the same Node makes the same bytes.
set -eu
cd "$(dirname "$0")/.."
page=$(realpath -m "${1:-playground.html}")
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

if ! [ playground/node_modules/.package-lock.json -nt playground/package-lock.json ]; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefix playground >/dev/null
fi
export GOOS=js GOARCH=wasm
go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$work/knockc.wasm" ./playground/wasm
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" "$work"

# Whoever passes the page on needs the licence of knockc as well.
{
	packaging/licences.sh ./playground/wasm
	printf '\nThe Apache License\n\n'
	cat LICENSE
} >"$work/licences"

node playground/build.mjs "$work" "$page"
