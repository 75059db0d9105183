package main

import (
	"fmt"
	"strings"
)

// bashCompletion leaves COMPREPLY empty where a file may stand; bash then completes
// the names of files.
func bashCompletion(commands []completed) string {
	var cases strings.Builder
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
		var flags []string
		for _, f := range c.flags {
			flags = append(flags, "-"+f.name)
			if f.value != "" {
				fmt.Fprintf(&cases, "\t%s:-%[2]s:* | %[1]s:--%[2]s:*) %[3]s ;;\n", c.name, f.name, bashValues(f.values))
			}
		}
		if flags != nil {
			fmt.Fprintf(&cases, "\t%s:*:-*) words='%s' ;;\n", c.name, strings.Join(flags, " "))
		}
		fmt.Fprintf(&cases, "\t%s:*) %s ;;\n", c.name, bashValues(c.arguments))
	}
	return fmt.Sprintf(`# Completes the command lines of knockc in bash.

_knockc() {
	local cur=$2 prev=$3 words= dash=
	case $COMP_CWORD:${COMP_WORDS[1]}:$prev:$cur in
	1:*) words='%s' ;;
	*) _knockc_behind ;;
	esac
	# A flag may be written with two dashes.
	[[ $cur == --* ]] && dash=- cur=${cur#-}
	COMPREPLY=($(compgen -P "$dash" -W "$words" -- "$cur"))
	[[ $words ]] && compopt +o default
}

# Finds what can stand behind the name of a command.
_knockc_behind() {
	case ${COMP_WORDS[1]}:$prev:$cur in
%s	esac
}

# Prints the names of knocks: of the policy on the command line, or of those that the
# commands and the unit use.
_knockc_knocks() {
	local i policies=(policy.knock %s)
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -policy || ${COMP_WORDS[i]} == --policy ]] && policies=("${COMP_WORDS[i + 1]}")
	done
	knockc completion -knocks "${policies[@]}" 2>/dev/null
}

complete -o default -F _knockc knockc
`, strings.Join(names, " "), cases.String(), hostPolicy)
}

func bashValues(v values) string {
	switch {
	case v.knocks && v.files: // bash completes names of files if no knock fits
		return "words=\"$(_knockc_knocks)\"; compopt -o default"
	case v.knocks:
		return "words=\"" + strings.Join(append(v.words, "$(_knockc_knocks)"), " ") + "\""
	case len(v.words) > 0:
		return "words='" + strings.Join(v.words, " ") + "'"
	case v.files:
		return ":"
	}
	return "compopt +o default"
}

func zshCompletion(commands []completed) string {
	var names, cases strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&names, "\t\t%s\n", shellQuoted(c.name+":"+c.short))
		fmt.Fprintf(&cases, "\t%s)\n\t\t_arguments", c.name)
		for _, f := range c.flags {
			spec := "-" + f.name + "[" + zshEscaped(f.text) + "]"
			if f.value != "" {
				spec += ":" + f.value + ":" + zshValues(f.values)
			}
			fmt.Fprintf(&cases, " \\\n\t\t\t%s", shellQuoted(spec))
		}
		if action := zshValues(c.arguments); action != "" {
			fmt.Fprintf(&cases, " \\\n\t\t\t%s", shellQuoted("*:argument:"+action))
		}
		cases.WriteString("\n\t\t;;\n")
	}
	return fmt.Sprintf(`#compdef knockc
# Completes the command lines of knockc in zsh.

_knockc() {
	local -a commands=(
%s	)
	if (( CURRENT == 2 )); then
		_describe command commands
		return
	fi
	shift words
	(( CURRENT-- ))
	case $words[1] in
%s	esac
}

# Adds the names of knocks: of the policy on the command line, or of those that the
# commands and the unit use.
_knockc_knocks() {
	local -a policies=(policy.knock %s) names
	[[ -n ${opt_args[-policy]} ]] && policies=(${(Q)opt_args[-policy]})
	names=($@ ${(f)"$(knockc completion -knocks $policies 2>/dev/null)"})
	compadd -a names
}

if [[ $funcstack[1] == _knockc ]]; then
	_knockc "$@"
else
	compdef _knockc knockc
fi
`, names.String(), cases.String(), hostPolicy)
}

func zshValues(v values) string {
	switch {
	case v.knocks && v.files:
		return "_files"
	case v.knocks:
		return strings.Join(append([]string{" _knockc_knocks"}, v.words...), " ")
	case len(v.words) > 0:
		return "(" + strings.Join(v.words, " ") + ")"
	case v.files:
		return "_files"
	}
	return ""
}

// zshEscaped is text for the brackets of a spec of _arguments.
func zshEscaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}

func fishCompletion(commands []completed) string {
	var b strings.Builder
	b.WriteString(`# Completes the command lines of knockc in fish.

function __knockc_command
	set -l words (commandline -opc)
	test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# Prints the names of knocks: of the policy on the command line, or of those that the
# commands and the unit use.
function __knockc_knocks
	set -l policies policy.knock ` + hostPolicy + `
	set -l words (commandline -opc)
	for i in (seq 2 (count $words))
		if contains -- $words[$i] -policy --policy
			set policies $words[(math $i + 1)]
		end
	end
	knockc completion -knocks $policies 2>/dev/null
end

complete -c knockc -f
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "complete -c knockc -n 'test (count (commandline -opc)) -eq 1' -a %s -d %s\n", c.name, fishQuoted(c.short))
	}
	for _, c := range commands {
		line := fmt.Sprintf("complete -c knockc -n '__knockc_command %s'", c.name)
		for _, f := range c.flags {
			value := ""
			if f.value != "" {
				value = " -r" + fishValues(f.values)
			}
			dash := "-o"
			if len(f.name) == 1 {
				dash = "-s"
			}
			fmt.Fprintf(&b, "%s %s %s%s -d %s\n", line, dash, f.name, value, fishQuoted(f.text))
		}
		if v := fishValues(c.arguments); v != " -f" {
			fmt.Fprintf(&b, "%s%s\n", line, v)
		}
	}
	return b.String()
}

func fishValues(v values) string {
	switch {
	case v.knocks && v.files:
		return " -F -a '(__knockc_knocks)'"
	case v.knocks:
		return " -f -a '" + strings.Join(append(v.words, "(__knockc_knocks)"), " ") + "'"
	case len(v.words) > 0:
		return " -f -a '" + strings.Join(v.words, " ") + "'"
	case v.files:
		return " -F"
	}
	return " -f"
}

// shellQuoted is text in single quotes, for bash and zsh.
func shellQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// fishQuoted is text in single quotes, for fish.
func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
