#!/bin/sh
# Prints the licences and notices of the modules in the command of the package $1, except
# those of knockc; that of Apache, which is in LICENSE, by its name.
set -eu

modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' "$1")
printf '%s\n' "$modules" | sort -u | while read -r module folder; do
	printf '\n%s\n\n' "$module"
	for file in "$folder"/[LC][IO][CP][EY]* $(find "$folder" -maxdepth 1 -name 'NOTICE*'); do
		if head -n 2 "$file" | grep -q "Apache License"; then
			echo "The Apache License, Version 2.0."
		else
			cat "$file"
		fi
	done
done
printf '\nThe Go standard library\n\n'
cat "$(go env GOROOT)/LICENSE"
