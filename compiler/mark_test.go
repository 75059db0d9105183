package compiler_test

import (
	"testing"

	"example.org/knockc/compiler"
)

// TestMark: the hash in the mark follows what a policy says, not how it is written.
func TestMark(t *testing.T) {
	hash := func(src string) string {
		t.Helper()
		hash, ok := compiler.PolicyOf(compile(t, src).Ruleset.Mark())
		if !ok {
			t.Fatalf("%s\nhas no mark", src)
		}
		return hash
	}
	const rest = " 1001 1002 -> 22 >"
	plain := hash("knock a <" + rest)
	for _, same := range []string{
		"# A comment.\nknock   a\n<" + rest,
		"table knockc default accept knock a < tcp/1001 tcp/1002 -> tcp/22 within 5s >",
	} {
		if hash(same) != plain {
			t.Errorf("%s\nsays the same and has another hash", same)
		}
	}
	seen := map[string]string{plain: "the plain knock"}
	for _, src := range []string{
		"table other knock a <" + rest,
		"priority -150 knock a <" + rest,
		"hook input knock a <" + rest,
		"hook input priority -20 knock a <" + rest,
		"default drop knock a <" + rest,
		"refuse reject knock a <" + rest,
		"open 80 knock a <" + rest,
		"open 80 from 192.0.2.0/24 knock a <" + rest,
		"open 80 on lan0 knock a <" + rest,
		"size 1000 knock a <" + rest,
		"trust 192.0.2.0/24 knock a <" + rest,
		"trust lan0 knock a <" + rest,
		"knock b <" + rest,
		"knock a < 1001 1003 -> 22 >",
		"knock a < 1001 1002 -> 23 >",
		"knock a < 1001 1002 -> 22 within 6s >",
		"knock a < 1001 1002 -> 22 total 7s >",
		"knock a < 1001 1002 -> 22 grant 8s >",
		"knock a < 1001 1002 -> 22 once >",
		"knock a < 1001 1002 -> 22 reset any >",
		"knock a < 1001 1002 -> 22 close 1003 >",
		"knock a < 1001 1002 -> 22 from 192.0.2.0/24 >",
		"knock a < 1001 1002 -> 22 on eth0 >",
		"knock a < 1001 1002 -> 22 at 192.0.2.0/24 >",
		"knock a < 1001 1002 -> 22 per /24 /64 >",
		"knock a < 1001 1002 -> 22 log >",
		`knock a < 1001 1002 -> 22 log "a: " >`,
		"knock a <" + rest + " knock b <" + rest,
	} {
		h := hash(src)
		if other, ok := seen[h]; ok {
			t.Errorf("%s\nhas the hash of %s", src, other)
		}
		seen[h] = src
	}
}
