package lang

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestReadingStops: after a hundred errors no more of a text is even cut into tokens, and
// the last finding says so.
func TestReadingStops(t *testing.T) {
	for _, repeat := range []string{"> ", "knock ", "table a\n", "knock a < 1 2 -> 3 >\n", "\x00 ", ", ", "\" \n", "knock k < 1 -> 22 wihtin 5s >\n"} {
		f := readFile([]byte(strings.Repeat(repeat, 100_000)))
		if got, most := len(f.tokens), 20*MaxErrors+someTokens; got > most {
			t.Errorf("%q: %d tokens are made, want %d at most", repeat, got, most)
		}
		if len(f.found) != MaxErrors+1 || !strings.HasPrefix(f.found[MaxErrors].Message, "there are more errors") {
			t.Errorf("%q: %d findings, the last one %v", repeat, len(f.found), f.found[len(f.found)-1])
		}
		if !slices.IsSortedFunc(f.found, func(a, b Finding) int { return a.Span.Start.Offset - b.Span.Start.Offset }) {
			t.Errorf("%q: the findings are not in order", repeat)
		}
	}
	if _, found := Examine([]byte(strings.Repeat("table x-\n", MaxErrors))); len(found) != MaxErrors {
		t.Errorf("a hundred errors, and no knock: %d findings, %v", len(found), found[len(found)-1])
	}
}

// TestForeign: what is no policy gets one finding, which says what it is.
func TestForeign(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"\xff\xfek\x00n\x00", "1:1 this is text in UTF-16, not a policy; iconv -f UTF-16 -t UTF-8 FILE"},
		{"k\x00n\x00o\x00", "1:1 this is text in UTF-16, not a policy; iconv -f UTF-16LE -t UTF-8 FILE"},
		{"\x1f\x8b\x08", "1:1 this is a file that gzip compressed, not a policy; gzip -dc FILE"},
		{"\xd4\xc3\xb2\xa1\x02", "1:1 this is a capture, not a policy; knockc sim FILE"},
		{"# a\n\n0s 192.0.2.7 -> 22", "3:1 this is a trace, not a policy; knockc sim FILE; files named *.trace are checked as traces"},
		{"\ufeffpolicy a.knock\n", "1:1 this is a trace, not a policy; knockc sim FILE; files named *.trace are checked as traces"},
		{"+1 expect ssh open for 192.0.2.7", "1:1 this is a trace, not a policy; knockc sim FILE; files named *.trace are checked as traces"},
		{strings.Repeat("#", MaxPolicy+1), "1:1 a policy is at most 4 MiB long, and this is longer; "},
		{"1001 2002 -> 22", "1:1 expected `knock` or a setting, found `1001`; settings are " + strings.Join(SettingWords, " ")},
		{strings.Repeat("#", MaxPolicy), "1:1 this policy has no knock and guards nothing; knock ssh < 10000 2345 3456 1234 -> 22 >"},
	} {
		var got []string
		_, found := Examine([]byte(test.text))
		for _, f := range found {
			got = append(got, fmt.Sprintf("%d:%d %s; %s", f.Span.Start.Line, f.Span.Start.Column, f.Message, f.Hint))
		}
		if len(got) != 1 || got[0] != test.want {
			t.Errorf("%.40q: %q, want %q", test.text, got, test.want)
		}
	}
}
