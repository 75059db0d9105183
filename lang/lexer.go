package lang

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// The kinds of tokens. A Word starts with a letter, a Number with a digit or a
// colon (ports, durations, addresses). Keyword, Proto and Knock are words that
// mean something where the grammar looks for them and are plain names
// elsewhere.
const (
	tokenBad lexer.TokenType = iota + 1
	tokenComment
	tokenWord
	tokenKeyword
	tokenProto
	tokenKnock
	tokenNumber
	tokenString
	tokenPunct // < > -> / -
)

// wordKinds gives the words that have a kind of their own.
var wordKinds = kindsOfWords()

func kindsOfWords() map[string]lexer.TokenType {
	kinds := map[string]lexer.TokenType{knockWord: tokenKnock, codeWord: tokenProto}
	for _, word := range ProtoWords {
		kinds[word] = tokenProto
	}
	for _, word := range ClauseWords {
		kinds[word] = tokenKeyword
	}
	return kinds
}

// scanned is a scanner that has cut a whole text into tokens.
func scanned(src []byte) *scanner {
	s := newScanner(src)
	s.scan(len(src))
	return s
}

func newScanner(src []byte) *scanner {
	s := &scanner{src: string(src), line: 1}
	if strings.HasPrefix(s.src, ByteOrderMark) {
		s.offset = len(ByteOrderMark)
	}
	s.lineStart = s.offset
	return s
}

// scan makes the next tokens, as many as given at most. White space is no token; a token
// knows its line and column.
func (s *scanner) scan(most int) {
	begin := len(s.tokens)
	if begin > 0 { // then most likely the whole text is read, and its tokens are as long as those so far
		s.tokens = slices.Grow(s.tokens, (len(s.src)-s.offset)/(s.offset/begin))
	}
	for !s.done && len(s.tokens)-begin < most {
		s.skipSpace()
		if s.done = s.offset == len(s.src) || len(s.found) > MaxErrors; !s.done {
			s.token()
		}
	}
}

// scanner walks over a text.
type scanner struct {
	src       string
	offset    int
	line      int
	lineStart int // offset of the current line's first byte
	wide      int // bytes on this line beyond one for each character
	tokens    []lexer.Token
	comments  []lexer.Token // which are not among the others
	done      bool          // the text has ended, or there are too many errors
	found     findings
}

func (s *scanner) position() lexer.Position {
	return lexer.Position{Offset: s.offset, Line: s.line, Column: s.offset - s.lineStart - s.wide + 1}
}

func (s *scanner) skipSpace() {
	for ; s.offset < len(s.src); s.offset++ {
		switch s.src[s.offset] {
		case '\n':
			s.line++
			s.lineStart = s.offset + 1
			s.wide = 0
		case ' ', '\t', '\r':
		default:
			return
		}
	}
}

// emit makes a token of the next n bytes.
func (s *scanner) emit(kind lexer.TokenType, n int) lexer.Token {
	t := lexer.Token{Type: kind, Value: s.src[s.offset : s.offset+n], Pos: s.position()}
	if kind == tokenComment {
		s.comments = append(s.comments, t)
	} else {
		s.tokens = append(s.tokens, t)
	}
	s.offset += n
	s.wide += n - utf8.RuneCountInString(t.Value)
	return t
}

func (s *scanner) token() {
	rest := s.src[s.offset:]
	c := rest[0]
	switch {
	case c == '#':
		s.comment(rest)
	case c == '"':
		s.str(rest)
	case strings.HasPrefix(rest, "->"):
		s.emit(tokenPunct, 2)
	case c == '<' || c == '>' || c == '/' || c == '-':
		s.emit(tokenPunct, 1)
	case isDigit(c) || c == ':':
		s.emit(tokenNumber, numberLength(rest))
	case isLetter(c):
		n := wordLength(rest)
		kind, ok := wordKinds[rest[:n]]
		if !ok {
			kind = tokenWord
		}
		s.emit(kind, n)
	case strings.HasPrefix(rest, "=>"):
		s.found.add(CodeText, tokenSpan(s.emit(tokenBad, 2)), "`=>` is for traces").meant("->")
	default:
		s.bad(rest)
	}
}

func (s *scanner) comment(rest string) {
	n := strings.IndexByte(rest, '\n')
	if n < 0 {
		n = len(rest)
	}
	s.text(s.emit(tokenComment, len(strings.TrimRight(rest[:n], " \t\r"))))
}

// str reads a double-quoted string; one without its closing quote ends with
// the line.
func (s *scanner) str(rest string) {
	n := strings.IndexAny(rest[1:], "\"\n")
	if n >= 0 && rest[1+n] == '"' {
		s.text(s.emit(tokenString, n+2))
		return
	}
	line := rest
	if n >= 0 {
		line = rest[:1+n]
	}
	t := s.emit(tokenBad, len(strings.TrimRight(line, " \t\r")))
	s.found.add(CodeText, tokenSpan(t), "the string has no closing quote on its line").hint("end it with \"")
}

// text holds the inside of a comment or string to valid UTF-8 without NUL.
func (s *scanner) text(t lexer.Token) {
	if i, problem := NotText(t.Value); i >= 0 {
		at := t
		at.Pos.Advance(t.Value[:i])
		at.Value = t.Value[i : i+1]
		s.found.add(CodeText, tokenSpan(at), "%s", problem)
	}
}

// bad takes one run of characters that no token starts with.
func (s *scanner) bad(rest string) {
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != utf8.RuneError && r < utf8.RuneSelf && (isLetter(byte(r)) || isDigit(byte(r)) || strings.ContainsRune(" \t\r\n<>#\"/", r))
	})
	if n < 0 {
		n = len(rest)
	}
	t := s.emit(tokenBad, max(n, 1))
	if i, problem := NotText(t.Value); i >= 0 {
		s.found.add(CodeText, tokenSpan(t), "%s", problem)
		return
	}
	f := s.found.add(CodeText, tokenSpan(t), "%s has no meaning here", Quote(t.Value))
	if hint := badHint(t.Value, strings.TrimSpace(s.src[s.lineStart:t.Pos.Offset]) == ""); hint != "" {
		f.hint("%s", hint)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

// wordLength is the length of the word at the start of s. A dash that begins
// an arrow is not part of it.
func wordLength(s string) int {
	for i := range len(s) {
		c := s[i]
		if isLetter(c) || isDigit(c) || strings.IndexByte(".:@*%", c) >= 0 {
			continue
		}
		if c == '-' && !strings.HasPrefix(s[i:], "->") {
			continue
		}
		return i
	}
	return len(s)
}

// numberLength is the length of the number at the start of s: it holds no
// dash, so that a range is three tokens. (A `%` begins the zone of an address,
// which is answered as such.)
func numberLength(s string) int {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '.' && c != ':' && c != '%' {
			return i
		}
	}
	return len(s)
}
