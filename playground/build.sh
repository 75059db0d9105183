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

# The licences of what is linked.
{
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./playground/wasm |
		sort -u | while read -r module folder; do
		printf '\n%s\n\n' "$module"
		cat "$folder"/[LC][IO][CP][EY]*
	done
	printf '\nThe Go standard library\n\n'
	cat "$(go env GOROOT)/LICENSE"
} >"$work/licences"

node playground/build.mjs "$work" "$page"
