#!/bin/sh
# Builds the extension for VS Code of what is here into the folder $1, or editors/vscode;
# `make vscode` runs this. The same commit makes the same bytes.
set -eu
umask 022
to=$(realpath "${1:-editors/vscode}")
cd "$(dirname "$0")/.."

for program in npm zip; do
	if ! command -v $program >/dev/null; then
		echo "vsix.sh: the extension for VS Code is built with $program: install it" >&2
		exit 1
	fi
done

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir "$work/source" "$work/made"

CGO_ENABLED=0 go build -trimpath -buildvcs=true -o "$work/knockc" ./cmd/knockc
version=$(go version -m "$work/knockc" | awk '$1 == "mod" { print substr($3, 2) }')
time=$(git log -1 --format=%ct)

cp LICENSE "$work/source"
cd editors/vscode
cp -r .npmrc *.json *.mjs README.md src syntaxes "$work/source"
cd "$work/source"
npm ci --no-audit --no-fund --loglevel=error >/dev/null
node_modules/.bin/tsc >&2
# VS Code takes what comes after 0.2.1 for the name of a platform.
node package.mjs "$work/made" "${version%%[-+]*}"

cd "$work/made"
find . -exec touch -d "@$time" {} +
find . -type f | LC_ALL=C sort | TZ=UTC zip -q -X -9 "$work/packed.vsix" -@
mv "$work/packed.vsix" "$to/knockc-$version.vsix"
echo "$to/knockc-$version.vsix"
