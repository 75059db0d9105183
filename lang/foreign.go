package lang

import (
	"slices"
	"strings"
	"time"
)

// magics are the first bytes of files that knockc does not read as text.
var magics = []struct{ begin, kind, instead string }{
	{"\xff\xfe", "text in UTF-16", inUTF8},
	{"\xfe\xff", "text in UTF-16", inUTF8},
	{"\x1f\x8b", "a file that gzip compressed", "gzip -dc FILE"},
	{"\x28\xb5\x2f\xfd", "a file that zstd compressed", "zstd -dc FILE"},
	{"\xfd7zXZ", "a file that xz compressed", "xz -dc FILE"},
	{"\xd4\xc3\xb2\xa1", "a capture", simulate},
	{"\xa1\xb2\xc3\xd4", "a capture", simulate},
	{"\x4d\x3c\xb2\xa1", "a capture", simulate},
	{"\xa1\xb2\x3c\x4d", "a capture", simulate},
	{"\x0a\x0d\x0d\x0a", "a capture", simulate},
}

const (
	inUTF8   = "iconv -f UTF-16 -t UTF-8 FILE"
	simulate = "knockc sim FILE"
)

// Foreign recognizes a file that is neither a policy nor a trace by its first bytes. It
// returns what the file is, and what to type instead; "" if it recognizes nothing.
func Foreign(text string) (kind, instead string) {
	for _, m := range magics {
		if strings.HasPrefix(text, m.begin) {
			return m.kind, m.instead
		}
	}
	if len(text) > 3 && text[0] != 0 && text[2] != 0 && text[1] == 0 && text[3] == 0 { // UTF-16 without a byte order mark
		return "text in UTF-16", strings.Replace(inUTF8, "UTF-16", "UTF-16LE", 1)
	}
	switch first := firstLine(text); {
	case isNft(first):
		return "a script for nft", "a policy is one line for each door: knock ssh < 10000 2345 3456 1234 -> 22 >"
	case first == "[options]" || first == "[Options]":
		return KnockdConfiguration, "knockc import FILE"
	}
	return "", ""
}

// isNft reports whether a script for nft begins with a line.
func isNft(line string) bool {
	words := append(strings.Fields(line), "", "", "")
	switch words[0] {
	case "table":
		return slices.Contains(families, words[1]) && strings.HasSuffix(line, "{")
	case "add", "create", "delete", "destroy":
		return slices.Contains([]string{"table", "chain", "rule", "set", "map", "element"}, words[1])
	case "flush":
		return words[1] == "ruleset" || words[1] == "table"
	}
	return strings.HasPrefix(line, "#!") && strings.Contains(line, "nft")
}

// families are those of tables of nft.
var families = []string{"inet", "ip", "ip6", "arp", "bridge", "netdev"}

// KnockdConfiguration is what [Foreign] calls one.
const KnockdConfiguration = "a configuration of knockd"

// firstLine is the first line that is not empty, nor a comment unless that says which
// program reads the file.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, ByteOrderMark))
		if line != "" && (line[0] != '#' || strings.HasPrefix(line, "#!")) {
			return line
		}
	}
	return ""
}

// noPolicy has a finding if a text is too long, or something else than a policy.
func noPolicy(src []byte) []Finding {
	begin := Pos{Line: 1, Column: 1}
	var found findings
	if len(src) > MaxPolicy {
		found.add(CodeText, Span{begin, begin}, "a policy is at most %d MiB long, and this is longer", MaxPolicy>>20)
		return found
	}
	text := string(src[:min(len(src), longestBegin)])
	if kind, instead := Foreign(text); kind != "" {
		found.add(CodeText, Span{begin, begin}, "this is %s, not a policy", kind).hint("%s", instead)
	} else if at, ok := beginsTrace(text); ok {
		found.add(CodeSyntax, Span{at, at}, "this is a trace, not a policy").hint("knockc sim FILE; files named *.trace are checked as traces")
	}
	return found
}

// longestBegin is how many bytes of a text tell what it is.
const longestBegin = 4096

// beginsTrace finds the first line that is no comment, and reports whether it is a line
// of a trace.
func beginsTrace(text string) (Pos, bool) {
	at := Pos{Line: 1, Column: 1}
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.TrimPrefix(line, ByteOrderMark))
		if len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			return at, isTraceLine(words)
		}
		at.Offset += len(line)
		at.Line++
	}
	return at, false
}

func isTraceLine(words []string) bool {
	if len(words) < 3 {
		return len(words) == 2 && (words[0] == "policy" || words[0] == "start")
	}
	_, err := ParseDuration(strings.TrimPrefix(words[0], "+"), time.Nanosecond)
	_, _, problem := ParseSource(words[1])
	return (err == nil || err == errNoUnit) && (words[1] == "expect" || words[2] == "->" && problem == "")
}
