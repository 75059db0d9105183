// Command knockc compiles port-knocking policies to nftables rules, replays
// packet traces through the compiled rules, checks and formats policies, and knocks.
//
//	knockc build policy.knock > knock.nft
//	knockc sim trace.txt
//
// Each command has a file of its own and a row in the table [commands]. Its help is
// made from that row.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// commands are all commands, in the order of the help. They are filled in late
// because help is one of them and lists them.
var commands []*command

func init() {
	commands = []*command{
		newCommand, buildCommand, simCommand, checkCommand, fmtCommand, graphCommand, proveCommand, diffCommand,
		rehearseCommand, applyCommand, refillCommand, statusCommand, followCommand, grantCommand, revokeCommand, removeCommand, keepCommand, rollbackCommand,
		knockCommand, clientCommand, keyCommand, importCommand,
		lspCommand, playgroundCommand, completionCommand, versionCommand, helpCommand,
	}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs a command line and returns the exit status.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	buffered := bufio.NewWriter(out)
	s := &streams{in: in, out: buffered, err: errOut, outColor: colorful(out), errColor: colorful(errOut)}
	err := dispatch(s, args)
	if !s.stuck {
		if flushErr := buffered.Flush(); flushErr != nil {
			err = s.unwritten(err, flushErr)
		}
	}
	return s.tellAll(err)
}

// unwritten is the error of a command whose output cannot be written.
func (s *streams) unwritten(err, flushErr error) error {
	switch {
	case s.done && err == nil:
		s.warn(fmt.Errorf("the work is done, but the output cannot be written: %w", reason(flushErr)))
	case s.done:
		s.warn(fmt.Errorf("the output cannot be written: %w", reason(flushErr)))
	case err == nil || statusOf(err) == exitInput:
		return join(err, fmt.Errorf("cannot write the output: %w", flushErr))
	}
	return err
}

func dispatch(s *streams, args []string) error {
	if len(args) == 0 {
		return &usageError{"no command given", overviewHint}
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	c, err := findCommand(name)
	if err != nil {
		return err
	}
	return c.parseAndRun(s, args[1:])
}

const overviewHint = "run `knockc help` for the commands"

func findCommand(name string) (*command, error) {
	var names []string
	for _, c := range commands {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	hint := overviewHint
	ext := strings.ToLower(filepath.Ext(name))
	if isCode(strings.ToUpper(name)) || slices.Contains(pages(), name) {
		hint = fmt.Sprintf("did you mean `knockc help %s`?", name)
	} else if ext == ".knock" {
		hint = fmt.Sprintf("did you mean `knockc check %s`?", lang.Printable(name))
	} else if ext == ".trace" || ext == ".pcap" || ext == ".pcapng" {
		hint = fmt.Sprintf("did you mean `knockc sim %s`?", lang.Printable(name))
	} else if meant, ok := otherWords[strings.ToLower(name)]; ok {
		hint = fmt.Sprintf("did you mean `knockc %s`?", meant)
	} else if near := lang.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean `knockc %s`?", near)
	}
	return nil, &usageError{fmt.Sprintf("unknown command `%s`", lang.Printable(name)), hint}
}

// otherWords are what other tools call the commands.
var otherWords = map[string]string{
	"init": "new", "create": "new", "generate": "new", "gen": "new", "rotate": "new -rotate",
	"compile": "build", "print": "build", "translate": "build",
	"record": "sim -record", "report": "sim -html", "draw": "sim -html", "language-server": "lsp", "server": "lsp",
	"test": "sim", "run": "sim", "simulate": "sim", "replay": "sim", "trace": "sim",
	"lint": "check", "validate": "check", "verify": "check", "vet": "check",
	"format": "fmt", "tidy": "fmt",
	"load": "apply", "up": "apply", "start": "apply", "reload": "apply", "install": "apply", "enable": "apply",
	"plan": "apply -dry-run", "compare": "diff",
	"list": "status", "ls": "status", "show": "status", "ps": "status", "metrics": "status -prometheus",
	"watch": "follow", "log": "follow", "logs": "follow", "monitor": "follow",
	"open": "grant", "allow": "grant", "close": "revoke", "deny": "revoke", "shut": "revoke",
	"delete": "remove", "stop": "remove", "down": "remove", "flush": "remove", "uninstall": "remove", "disable": "remove",
	"confirm": "keep", "commit": "keep", "undo": "rollback", "revert": "rollback", "restore": "rollback",
	"send": "knock", "export": "client", "keygen": "key", "convert": "import", "migrate": "import",
	"-v": "version", "--v": "version", "-V": "version",
	"play": "playground", "web": "playground", "browser": "playground", "serve": "playground",
	"explain": "help", "man": "help", "docs": "help",
}

// streams are what a command reads from and writes to.
type streams struct {
	in  io.Reader
	out *bufio.Writer
	err io.Writer

	outColor, errColor bool
	inTaken            bool // standard input was read
	stuck              bool // standard output takes nothing, and somebody waits for it

	// done says that the kernel, or a new file, has what was asked for: from then on no failure makes
	// the exit status one that says that nothing was changed.
	done bool
}

// print prints at once, for what a user waits for.
func (s *streams) print(format string, args ...any) {
	fmt.Fprintf(s.out, format, args...)
	s.out.Flush()
}

// warn tells what is not as it should be, if something is not, and does not keep what
// was asked for from being done.
func (s *streams) warn(err error) {
	if err != nil {
		s.tell(fmt.Errorf("warning: %w", err))
	}
}

// eachFileIn is eachFile for files and what folders have of certain endings.
func eachFileIn(names, endings []string, f func(name string) error) error {
	return eachFile(names, func(name string) error {
		files, err := filesIn(name, endings...)
		if err != nil {
			return err
		}
		return eachFile(files, f)
	})
}

// eachFile runs f on each file, and returns the errors joined. One does not keep f from
// the next file, unless it is about the command line.
func eachFile(names []string, f func(name string) error) error {
	var all []error
	for _, name := range names {
		err := f(name)
		if statusOf(err) == exitUsage {
			return err
		}
		all = append(all, err)
	}
	return join(all...)
}
