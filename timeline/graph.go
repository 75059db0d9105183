package timeline

import (
	"fmt"
	"io"
	"strings"
)

// state is a state of a knock, and edge leads from one to another.
type (
	state struct{ id, label string }
	edge  struct {
		from, to, label string
		back            bool // by time or by a wrong attempt
	}
)

// machine is the machine of a knock; number makes its states' ids differ from others'.
func machine(number int, k Knock) (states []state, edges []edge) {
	id := func(name string, n int) string { return fmt.Sprintf("k%d_%s%d", number, name, n) }
	none, open := id("step", 0), fmt.Sprintf("k%d_open", number)
	states = append(states, state{none, "0"})
	reach := func(name, label string, from, last string, steps []string) {
		for i, step := range steps {
			to := last
			if i+1 < len(steps) {
				to = id(name, i+1)
				states = append(states, state{to, fmt.Sprintf("%s%d/%d", label, i+1, len(steps))})
			}
			edges = append(edges, edge{from, to, step, false})
			from = to
		}
	}
	reach("step", "", none, open, k.Steps)
	states = append(states, state{open, "open: " + k.Services})
	reach("close", "close ", open, none, k.Close)
	for i := 1; i < len(k.Steps); i++ {
		back := k.Within
		if k.Total != "" {
			back += ", or " + k.Total + " in all"
		}
		if k.Reset != "" {
			back += ", or " + k.Reset
		}
		edges = append(edges, edge{id("step", i), none, back, true})
	}
	for i := 1; i < len(k.Close); i++ {
		edges = append(edges, edge{id("close", i), open, k.Within, true})
	}
	if k.Grant != "forever" {
		edges = append(edges, edge{open, none, k.Grant, true})
	}
	if k.Once {
		edges = append(edges, edge{open, none, "a connection", true})
	}
	return states, edges
}

// WriteMermaid writes knocks as machines of states, in the language of Mermaid.
func WriteMermaid(w io.Writer, knocks []Knock) error {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    direction LR\n")
	for n, k := range knocks {
		states, edges := machine(n+1, k)
		fmt.Fprintf(&b, "    state \"%s\" as k%d {\n", k.Name, n+1)
		for _, s := range states {
			fmt.Fprintf(&b, "        state \"%s\" as %s\n", s.label, s.id)
		}
		fmt.Fprintf(&b, "        [*] --> %s\n", states[0].id)
		for _, e := range edges {
			fmt.Fprintf(&b, "        %s --> %s : %s\n", e.from, e.to, e.label)
		}
		b.WriteString("    }\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteDOT writes the same in the language of Graphviz.
func WriteDOT(w io.Writer, knocks []Knock) error {
	var b strings.Builder
	b.WriteString("digraph knockc {\n    rankdir=LR\n    node [shape=box, style=rounded, fontname=monospace]\n    edge [fontname=monospace, fontsize=10]\n")
	for n, k := range knocks {
		states, edges := machine(n+1, k)
		fmt.Fprintf(&b, "    subgraph cluster_%d {\n        label=%q\n", n+1, k.Name)
		for _, s := range states {
			fmt.Fprintf(&b, "        %s [label=%q]\n", s.id, s.label)
		}
		for _, e := range edges {
			style := ""
			if e.back {
				style = ", style=dashed, constraint=false"
			}
			fmt.Fprintf(&b, "        %s -> %s [label=%q%s]\n", e.from, e.to, e.label, style)
		}
		b.WriteString("    }\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}
