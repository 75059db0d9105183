package trace

import (
	"slices"
	"strings"
)

// Next is what can come next in a line.
type Next struct {
	Words  []string
	Knocks bool // the name of a knock
	Files  bool // the name of a policy
}

// Candidates is what can come next after the beginning of a line, without a word that has
// been begun.
func Candidates(before string) Next {
	if strings.Contains(before, "#") {
		return Next{}
	}
	words := strings.Fields(strings.NewReplacer("->", " -> ", "=>", " => ").Replace(before))
	last, n := "", len(words)
	if n > 0 {
		last = words[n-1]
	}
	switch {
	case n == 0:
		return Next{Words: []string{"0s", "+0s", "+1s", "policy", "start"}}
	case words[0] == "policy":
		return Next{Files: n == 1}
	case words[0] == "start":
		return Next{}
	case n == 1:
		return Next{Words: []string{"expect"}}
	case words[1] == "expect":
		return expectation(words[2:])
	case last == "=>":
		return Next{Words: verdictWords()}
	case last == "otp":
		return Next{Knocks: true}
	case last == "->":
		return Next{Words: []string{"tcp/", "udp/", "ping"}}
	case last == "on" || last == "to" || last == "every" || last == "shuffle":
		return Next{}
	case slices.Contains(words, "=>"):
		return Next{}
	case slices.Contains(words, "->"):
		left := slices.DeleteFunc(slices.Clone(AttributeNames), func(name string) bool { return slices.Contains(words, name) })
		return Next{Words: append(left, "=>")}
	}
	return Next{Words: []string{"->"}}
}

// expectation is what can come next in an expectation, after the words that it has.
func expectation(words []string) Next {
	switch n := len(words); {
	case n == 0:
		return Next{Knocks: true}
	case n == 1:
		return Next{Words: []string{string(Open), string(Closed), "at"}}
	case words[n-1] == "at" || words[n-1] == "for":
		return Next{}
	case !slices.Contains(words, "for"):
		return Next{Words: []string{"for"}}
	}
	return Next{}
}

func verdictWords() (words []string) {
	for _, v := range verdicts {
		words = append(words, string(v))
	}
	return words
}
