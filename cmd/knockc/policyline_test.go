package main

import "testing"

// TestPolicyLine: a trace names any policy that it can, and says so of others.
func TestPolicyLine(t *testing.T) {
	for file, want := range map[string]string{
		"../ssh.knock":        "policy ../ssh.knock\n",
		"a#b.knock":           "policy \"a#b.knock\"\n",
		"my  own -> #1.knock": "policy \"my  own -> #1.knock\"\n",
		" ssh.knock":          "policy \" ssh.knock\"\n",
		"é.knock":             "policy é.knock\n",
		"a\nb.knock":          "",
		"\"#\".knock":         "",
		"a\x00.knock":         "",
		"a\xff.knock":         "",
	} {
		got, err := policyLine(file)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", file, got, err)
		}
	}
}
