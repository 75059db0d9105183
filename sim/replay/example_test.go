package replay_test

import (
	"fmt"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// A player plays the events of a trace one by one, and says in the words of the policy what
// they did.
func ExamplePlayer() {
	policy, _ := lang.Examine([]byte("knock ssh < 7001 9002 -> 22 within 5s grant 10s >"))
	result, _ := compiler.Compile(policy)
	test, _ := trace.Parse([]byte(`
0s   192.0.2.7 -> 7001
+1s  192.0.2.7 -> 9002
+1s  192.0.2.7 -> 22     => accept
+8s  expect ssh open for 192.0.2.7
+1s  expect ssh open for 192.0.2.7
`))
	player, err := replay.New(result)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range test.Events {
		player.Event(&test.Events[i], func(o replay.Outcome) {
			fmt.Println(o.At, o.Got, o.OK())
			for _, m := range o.Moves {
				if m.Kind == replay.Opened {
					fmt.Println(m.Knock, "opens until", m.Until)
				}
			}
		})
	}
	// Output:
	// 0s pass true
	// 1s pass true
	// ssh opens until 11s
	// 2s accept true
	// 10s open true
	// 11s closed false
}
