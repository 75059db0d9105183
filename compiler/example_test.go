package compiler_test

import (
	"fmt"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Compile turns a policy without errors into rules, and WriteNFT prints these for nft.
func ExampleCompile() {
	policy, findings := lang.Examine([]byte("knock ssh < 7001 9002 8003 -> 22 >"))
	if lang.HasErrors(findings) {
		return
	}
	result, findings := compiler.Compile(policy)
	if lang.HasErrors(findings) {
		return
	}
	var script strings.Builder
	if err := result.Ruleset.WriteNFT(&script, []string{"Rules for ssh"}); err != nil {
		return
	}
	for line := range strings.Lines(script.String()) {
		if strings.HasPrefix(line, "# Rules") || strings.Contains(line, "type filter hook") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// # Rules for ssh
	// type filter hook prerouting priority -110; policy accept;
	// type filter hook input priority -10; policy accept;
}
