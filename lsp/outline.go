package lsp

import (
	"fmt"
	"slices"

	"example.org/knockc/lang"
)

// maxSymbols is how many expectations an outline has.
const maxSymbols = 2000

// outlining lists the settings and knocks of a policy, or the expectations of a trace.
func outlining(a asked, p documentParams) ([]documentSymbol, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return []documentSymbol{}, nil
	}
	if d.trace {
		return d.expectations(), nil
	}
	policy, _ := d.examined()
	all := []documentSymbol{}
	for setting, at := range policy.Settings.Given {
		r := d.rangeOf(at)
		all = append(all, documentSymbol{setting.String(), "", symbolProperty, r, r})
	}
	for _, k := range policy.Knocks {
		detail := "→" + lang.List(k.Services)
		all = append(all, documentSymbol{k.Name.Text, detail, symbolFunction, d.rangeOf(k.Span), d.rangeOf(k.Name.Span)})
	}
	slices.SortFunc(all, func(a, b documentSymbol) int { return compare(a.Range.Start, b.Range.Start) })
	return all, nil
}

func (d *document) expectations() []documentSymbol {
	all := []documentSymbol{}
	for e := range d.events() {
		if x := e.Expect; x != nil {
			state := string(x.State)
			if x.At != nil {
				state = fmt.Sprint("at ", x.At.Step)
			}
			r := d.rangeOf(e.Span)
			all = append(all, documentSymbol{fmt.Sprintf("%s %s", x.Knock, state), x.Src.String(), symbolEvent, r, r})
		}
		if len(all) == maxSymbols {
			break
		}
	}
	return all
}

func compare(a, b position) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Character - b.Character
}
