package lang_test

import (
	"fmt"

	"example.org/knockc/lang"
)

// Examine reads a policy and says all that there is to say about it.
func ExampleExamine() {
	src := []byte("knock ssh < 7001 9002 8003 -> 22 wihtin 5s >\n")
	policy, findings := lang.Examine(src)
	for _, f := range findings {
		fmt.Print(f.Render("policy.knock", src))
	}
	fmt.Println(policy.Knocks[0].Name.Text, "has", len(policy.Knocks[0].Steps), "steps")
	// Output:
	// policy.knock:1:34: error: unknown clause `wihtin` [K004]
	//     knock ssh < 7001 9002 8003 -> 22 wihtin 5s >
	//                                      ^^^^^^
	//     hint: did you mean `within`?
	// ssh has 3 steps
}

// Format changes white space and nothing else.
func ExampleFormat() {
	formatted, findings := lang.Format([]byte("knock  ssh<7001 9002\n8003->22\nwithin 5s>"))
	if lang.HasErrors(findings) {
		fmt.Println("it has no canonical form")
	}
	fmt.Printf("%s", formatted)
	// Output:
	// knock ssh <
	// 	7001 9002
	// 	8003 -> 22
	// 	within 5s
	// >
}
