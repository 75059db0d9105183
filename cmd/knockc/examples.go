package main

import (
	"fmt"
	"io"
)

// example is a command line, and in a few words what it does.
type example struct{ does, line string }

// examples are two for each command. They end its help.
var examples = map[string][2]example{
	"new": {
		{"Write a policy for ssh, with random steps, and a trace that tests it.", "knockc new ssh 22"},
		{"Give the knock ssh of a policy other steps.", "knockc new -rotate policy.knock ssh"},
	},
	"build": {
		{"Print the rules of a policy as a script for nft.", "knockc build policy.knock"},
		{"Write them to a file, to be included in a table of your own.", "knockc build -fragment -o /etc/knock.nft policy.knock"},
	},
	"sim": {
		{"Replay a trace, and show what each packet does.", "knockc sim ssh.trace"},
		{"Test all traces of a folder in CI, and what share of the policies they meet.", "knockc sim -quiet -strict -min-cover 90 traces/"},
	},
	"check": {
		{"Find mistakes in a policy.", "knockc check policy.knock"},
		{"Check all policies and traces below a folder in CI; warnings fail.", "knockc check -strict ."},
	},
	"fmt": {
		{"Format a policy and a trace in place.", "knockc fmt -w policy.knock ssh.trace"},
		{"List the files of a folder that are not formatted, and fail if there are any.", "knockc fmt -l ."},
	},
	"graph": {
		{"Draw the states of each knock, for Markdown.", "knockc graph policy.knock"},
		{"Make a picture of them with Graphviz.", "knockc graph -dot policy.knock | dot -Tsvg > policy.svg"},
	},
	"prove": {
		{"Show that the rules of a policy do what it means.", "knockc prove policy.knock"},
		{"Write traces of the shortest ways to open each door to a folder.", "knockc prove -traces ways policy.knock"},
	},
	"diff": {
		{"Show what an edited policy changes for people.", "knockc diff old.knock policy.knock"},
		{"Show what has changed since the last commit.", "git show HEAD:./policy.knock | knockc diff - policy.knock"},
	},
	"rehearse": {
		{"Try a policy beside the rest of this host's firewall.", "knockc rehearse policy.knock"},
		{"Try the policy that is loaded.", "knockc rehearse"},
	},
	"apply": {
		{"Say what would change.", "knockc apply -dry-run /etc/knockc/policy.knock"},
		{"Load a policy, and roll it back unless you confirm it within three minutes.", "knockc apply -confirm 3m /etc/knockc/policy.knock"},
	},
	"refill": {
		{"Load the next codes of the policy that is loaded.", "knockc refill"},
		{"The same for a policy that a script has loaded.", "knockc refill /etc/knockc/policy.knock"},
	},
	"status": {
		{"List open doors, and what was counted.", "knockc status"},
		{"Fail unless this policy is loaded, unchanged.", "knockc status /etc/knockc/policy.knock"},
	},
	"follow": {
		{"Show what an address tries, until interrupted.", "knockc follow 192.0.2.7"},
		{"Show the next ten attempts at the ports of a knock.", "knockc follow -n 10 ssh"},
	},
	"grant": {
		{"Open the door of a knock for an hour.", "knockc grant -for 1h ssh 192.0.2.7"},
		{"Open it for as long as the knock says.", "knockc grant ssh 2001:db8::7"},
	},
	"revoke": {
		{"Shut the door of a knock for an address.", "knockc revoke ssh 192.0.2.7"},
		{"Shut all doors for everyone.", "knockc revoke all"},
	},
	"remove": {
		{"Remove the policy that is loaded.", "knockc remove"},
		{"Remove one of several.", "knockc remove -table knockc_vpn"},
	},
	"keep": {
		{"Keep the policy that is on trial.", "knockc keep"},
		{"Keep one of several.", "knockc keep -table knockc_vpn"},
	},
	"rollback": {
		{"Go back to the rules that were there before the trial.", "knockc rollback"},
		{"Do so when the time to confirm is over, unless somebody confirms.", "knockc rollback -due"},
	},
	"knock": {
		{"Knock, try the service, and knock again if it is closed.", "knockc knock -policy policy.knock -verify ssh host.example"},
		{"Knock without a policy.", `knockc knock -steps "10000 2345 udp/3456" host.example`},
	},
	"client": {
		{"Print commands that knock without knockc.", "knockc client -policy policy.knock ssh host.example"},
		{"Print the entry for ~/.ssh/config alone.", "knockc client -policy policy.knock -format ssh ssh host.example"},
	},
	"key": {
		{"Make a key for one-time codes.", "knockc key ssh.key"},
		{"Make it where the policy of this host looks for it.", "knockc key /etc/knockc/ssh.key"},
	},
	"import": {
		{"Print a policy that does what knockd does on this host.", "knockc import /etc/knockd.conf"},
		{"Write it to a file, which only you can read.", "knockc import -o policy.knock /etc/knockd.conf"},
	},
	"lsp": {
		{"Start the server, as an editor does.", "knockc lsp"},
		{"The same for an editor that says how it will speak.", "knockc lsp -stdio"},
	},
	"playground": {
		{"Open the playground in the browser.", "knockc playground"},
		{"Write it to a file, which a browser opens without knockc.", "knockc playground -o playground.html"},
	},
	"completion": {
		{"Complete command lines in this bash.", "source <(knockc completion bash)"},
		{"Install completions for fish.", "knockc completion fish > ~/.config/fish/completions/knockc.fish"},
	},
	"version": {
		{"Print the version.", "knockc version"},
		{"Print only the number.", "knockc version | cut -d ' ' -f 2"},
	},
	"help": {
		{"Describe a command.", "knockc help apply"},
		{"Explain what check has found.", "knockc help K103"},
	},
}

func writeExamples(w io.Writer, command string) {
	fmt.Fprint(w, "\nExamples:\n")
	for _, e := range examples[command] {
		fmt.Fprintf(w, "\n    # %s\n    %s\n", e.does, e.line)
	}
}
