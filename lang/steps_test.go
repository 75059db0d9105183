package lang_test

import (
	"strings"
	"testing"

	"example.org/knockc/lang"
)

// TestParseSteps reads sequences that stand alone: canonical, or what is found.
func TestParseSteps(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"10000 2345 udp/3456", "10000 2345 udp/3456"},
		{" tcp/1 # the first\n ping\nping/120", "1 ping ping/120"},
		{"otp/62201 7000", "otp/62201 7000"},
		{"otp/1 otp/2", "1:7: a sequence has one step with a one-time code at most"},
		{"", "1:1: there is no step"},
		{"# nothing", "1:1: there is no step"},
		{"1 upd/2", "1:3: unknown protocol `upd`"},
		{"1 70000", "1:3: `70000` is not a port: ports are 1 to 65535"},
		{"1 2-3", "1:3: a step is one port, but `2-3` is a range"},
		{"1 2 -> 22", "1:5: `->` does not belong here"},
		{"1, 2", "1:2: `,` has no meaning here"},
		{"within 5s", "1:1: `within` does not belong here"},
		{"1 \x00", "1:3: the file holds a NUL byte"},
		{strings.Repeat("1 ", 257), "1:513: a sequence of 257 steps is too long: at most 256 are allowed"},
	} {
		steps, found := lang.ParseSteps([]byte(test.text))
		var got []string
		for _, s := range steps {
			got = append(got, s.String())
		}
		for _, f := range found {
			line, _, _ := strings.Cut(f.Render("", []byte(test.text)), "\n")
			line = strings.TrimPrefix(line[:strings.LastIndex(line, " [")], ":")
			got = []string{strings.Replace(line, " error:", "", 1)}
		}
		if said := strings.Join(got, " "); said != test.want {
			t.Errorf("%q: %s, want %s", test.text, said, test.want)
		}
	}
}
