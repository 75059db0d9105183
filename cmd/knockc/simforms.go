package main

import (
	"flag"
	"strings"

	"example.org/knockc/report"
	"example.org/knockc/sim/session"
)

// simForm is a form in which sim shows results. A flag asks for it.
type simForm struct {
	flag, help string
	packets    bool // it shows single packets, or with -state where sources stand
	reporter   func(s *streams, o *simOptions, several bool) session.Reporter
}

// tableForm is the form if no flag asks for another.
var tableForm = &simForm{"", "", true, table}

// simForms are the other forms.
var simForms = []*simForm{
	{"json", "print a JSON object, on a line of its own, for each packet and expectation", true,
		func(s *streams, o *simOptions, several bool) session.Reporter {
			return &report.JSON{Out: s.out, Several: several, State: len(o.States) > 0, Top: o.top}
		}},
	{"quiet", "print only failed expectations and the summary", false, table},
	{"github", "print failed expectations as GitHub Actions shows them beside their lines, and the summary", false,
		func(s *streams, o *simOptions, several bool) session.Reporter {
			return report.All{&report.GitHub{Out: s.out}, table(s, o, several)}
		}},
	{"tap", "print test results as TAP 13", false,
		func(s *streams, o *simOptions, _ bool) session.Reporter {
			return report.NewTAP(s.out, s.err, o.top, o.coverRules)
		}},
}

func table(s *streams, o *simOptions, several bool) session.Reporter {
	return &report.Table{Out: s.out, Color: s.outColor, Several: several, Quiet: !o.form.packets, State: len(o.States) > 0, Top: o.top, Rules: o.coverRules}
}

// formChoice is the choice of a form in the usage.
func formChoice() string {
	var flags []string
	for _, f := range simForms {
		flags = append(flags, "-"+f.flag)
	}
	return strings.Join(flags, "|")
}

// formFlags declares the flags of the forms. What they return chooses the form that was
// asked for.
func formFlags(flags *flag.FlagSet) func() (*simForm, error) {
	asked := make([]bool, len(simForms))
	for i, f := range simForms {
		flags.BoolVar(&asked[i], f.flag, false, f.help)
	}
	return func() (*simForm, error) {
		form := tableForm
		for i, f := range simForms {
			switch {
			case asked[i] && form != tableForm:
				return nil, usagef("-%s and -%s exclude each other", form.flag, f.flag)
			case asked[i]:
				form = f
			}
		}
		return form, nil
	}
}
