//go:build js

// Command wasm is what the playground's page runs. It gives the page the functions
// knockcAnswer, of a question and a reply as JSON, knockcCandidates, and the words of both
// languages as knockcWords.
package main

import (
	"encoding/json"
	"syscall/js"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/playground"
)

func main() {
	js.Global().Set("knockcWords", js.ValueOf(map[string]any{"policy": values(lang.Words()), "trace": values(trace.Words())}))
	js.Global().Set("knockcAnswer", js.FuncOf(func(_ js.Value, args []js.Value) any {
		var q playground.Question
		if err := json.Unmarshal([]byte(args[0].String()), &q); err != nil {
			panic(err) // the page is at fault
		}
		b, err := json.Marshal(playground.Answer(q))
		if err != nil {
			panic(err)
		}
		return string(b)
	}))
	js.Global().Set("knockcCandidates", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return values(playground.Candidates(args[0].Bool(), args[1].String(), args[2].String()))
	}))
	select {}
}

func values(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}
