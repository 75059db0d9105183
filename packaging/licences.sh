#!/bin/sh
# Prints the licences of what is linked into the command $1, except that of knockc.
set -eu

for module in $(go version -m "$1" | awk '$1 == "dep" { print $2 }'); do
	folder=$(go list -m -f '{{.Dir}}' "$module")
	text=$(cat "$folder"/[LC][IO][CP][EY]*)
	case $text in
	*"Apache License"*) text='The Apache License, Version 2.0.' ;;
	esac
	printf '\n%s\n\n%s\n' "$module" "$text"
done
printf '\nThe Go standard library\n\n'
cat "$(go env GOROOT)/LICENSE"
