package knockd

import (
	"strings"

	"example.org/knockc/lang"
)

// shellCommands splits a command line into commands, at `;` and `&&`, and these
// into words, as the shell does. What needs a shell to say what it means is a
// problem.
func shellCommands(line string) (commands [][]string, problem string) {
	s := &shell{rest: line}
	for s.rest != "" && s.problem == "" {
		s.step()
	}
	s.endCommand()
	switch {
	case s.problem != "":
		return nil, s.problem
	case len(s.commands) == 0:
		return nil, "there is no command"
	}
	return s.commands, ""
}

// shell is a command line that is being split.
type shell struct {
	rest     string
	word     strings.Builder
	inWord   bool // even an empty one, in quotes
	words    []string
	commands [][]string
	problem  string
}

// step reads what comes next.
func (s *shell) step() {
	c := s.rest[0]
	switch {
	case strings.IndexByte(space, c) >= 0:
		s.rest = s.rest[1:]
		s.endWord()
	case c == ';' || strings.HasPrefix(s.rest, "&&"):
		s.rest = strings.TrimPrefix(s.rest[1:], "&")
		s.endCommand()
	case c == '#' && !s.inWord: // a comment
		s.rest = ""
	case c == '>':
		s.redirection()
	case c == '\'' || c == '"':
		s.quoted(c)
	case c == '\\' && len(s.rest) > 1:
		s.add(s.rest[1:2])
		s.rest = s.rest[2:]
	case strings.IndexByte("|&<>()$`\\#*?~", c) >= 0:
		s.problem = "the shell does something of its own with " + lang.Quote(s.rest[:1])
	default:
		s.add(s.rest[:1])
		s.rest = s.rest[1:]
	}
}

func (s *shell) add(text string) {
	s.word.WriteString(text)
	s.inWord = true
}

func (s *shell) quoted(quote byte) {
	end := s.closing(quote)
	if end < 0 {
		s.problem, s.rest = "a quote is not closed", ""
		return
	}
	text := s.rest[1:end]
	s.rest = s.rest[end+1:]
	if quote == '"' {
		if strings.ContainsAny(escaped.Replace(text), "$`") {
			s.problem = "the shell does something of its own with " + lang.Quote(text)
		}
		text = unescape.Replace(text)
	}
	s.add(text)
}

// Backslashes that mean something in double quotes, and what they stand before.
var (
	escaped  = strings.NewReplacer(`\\`, "", `\"`, "", `\$`, "", "\\`", "")
	unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`")
)

// closing is where the quote that comes next ends, below 0 if it does not.
func (s *shell) closing(quote byte) int {
	for i := 1; i < len(s.rest); i++ {
		switch {
		case s.rest[i] == quote:
			return i
		case s.rest[i] == '\\' && quote == '"':
			i++
		}
	}
	return -1
}

// redirection skips one of an output: `>FILE`, `2>>FILE`, `2>&1`. A firewall does the same
// without it.
func (s *shell) redirection() {
	if lang.IsDigits(s.word.String()) { // which output
		s.word.Reset()
		s.inWord = false
	}
	s.endWord()
	s.rest = strings.TrimPrefix(s.rest[1:], ">")
	target := strings.TrimLeft(strings.TrimPrefix(s.rest, "&"), space)
	end := strings.IndexAny(target, space+"|&;<>()$`\\\"'*?~#")
	if end < 0 {
		end = len(target)
	}
	if end == 0 {
		s.problem = "the shell does something of its own with " + lang.Quote(">")
	}
	s.rest = target[end:]
}

func (s *shell) endWord() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.inWord = false
}

func (s *shell) endCommand() {
	s.endWord()
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}
