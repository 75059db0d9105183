package lsp

import (
	"fmt"
	"path/filepath"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// mention is a place where a knock is named.
type mention struct {
	location
	path string
}

func (d *document) mention(span lang.Span) mention {
	return mention{location{d.uri, d.rangeOf(span)}, d.path}
}

// within reports whether an offset is in a span, or at its end.
func within(s lang.Span, offset int) bool {
	return s.Start.Offset <= offset && offset <= s.End.Offset
}

// knockAt is the knock that is named at an offset, where it is named there, and the path of
// its policy.
func (w *world) knockAt(d *document, offset int) (name string, at lang.Span, policy string) {
	if !d.trace {
		p, _ := d.examined()
		for _, k := range p.Knocks {
			if within(k.Name.Span, offset) {
				return k.Name.Text, k.Name.Span, d.path
			}
		}
		return "", at, ""
	}
	line := d.position(offset).Line
	for e := range d.events() {
		if e.Span.Start.Line-1 > line {
			break
		}
		if named := nameIn(e); named != nil && within(named.Span, offset) {
			return named.Text, named.Span, d.policyFile()
		}
	}
	return "", at, ""
}

// nameIn is the knock that an event names; nil if there is none.
func nameIn(e *trace.Event) *lang.Name {
	switch {
	case e.Expect != nil:
		return &lang.Name{Text: e.Expect.Knock, Span: e.Expect.Span}
	case e.Packet.Code != nil:
		return &lang.Name{Text: e.Packet.Code.Knock, Span: e.Packet.Code.Span}
	}
	return nil
}

// events are those of a trace. Each is valid until the next.
func (d *document) events() func(yield func(*trace.Event) bool) {
	return func(yield func(*trace.Event) bool) {
		r := trace.NewReader(d.reader())
		for e := r.Next(); e != nil && yield(e); e = r.Next() {
		}
	}
}

// knock finds a knock of a policy by its name; nil if there is none.
func (d *document) knock(name string) *lang.Knock {
	p, _ := d.examined()
	if p == nil {
		return nil
	}
	for _, k := range p.Knocks {
		if k.Name.Text == name {
			return k
		}
	}
	return nil
}

// mentions are all places where a knock is named: in its policy first, and then in traces.
// Traces that cannot be read to their end may have more.
func (a asked) mentions(policy, name string) (all []mention, unread []string) {
	if d := a.document(policy); d != nil && !d.trace {
		if k := d.knock(name); k != nil {
			all = append(all, d.mention(k.Name.Span))
		}
	}
	for path, of := range a.traces {
		if of != policy || a.Err() != nil {
			continue
		}
		d := a.document(path)
		if d == nil {
			continue
		}
		r := trace.NewReader(d.reader())
		for e := r.Next(); e != nil; e = r.Next() {
			if named := nameIn(e); named != nil && named.Text == name {
				all = append(all, d.mention(named.Span))
			}
		}
		if lang.HasErrors(r.Findings()) || len(d.src) >= maxFile {
			unread = append(unread, filepath.Base(path))
		}
	}
	return all, unread
}

// defining finds the knock that is named somewhere, or the policy that a trace names.
func defining(a asked, p positionParams) ([]location, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return nil, nil
	}
	offset := d.offset(p.Position)
	name, _, policy := a.knockAt(d, offset)
	if name != "" {
		if target := a.document(policy); target != nil {
			if k := target.knock(name); k != nil {
				return []location{target.mention(k.Name.Span).location}, nil
			}
		}
		return nil, nil
	}
	if d.trace {
		r := trace.NewReader(d.reader())
		r.Next()
		if named := r.Policy(); named != nil && within(named.Span, offset) {
			return []location{{URI: uriOf(d.policyFile())}}, nil
		}
	}
	return nil, nil
}

// referring finds where a knock is named, also in traces that are not open.
func referring(a asked, p referenceParams) ([]location, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return nil, nil
	}
	name, _, policy := a.knockAt(d, d.offset(p.Position))
	if name == "" {
		return nil, nil
	}
	var all []location
	mentions, _ := a.mentions(policy, name)
	for _, m := range mentions {
		if m.path != policy || p.Context.IncludeDeclaration {
			all = append(all, m.location)
		}
	}
	return all, nil
}

// stepAt is the step at an offset, in words; "" if there is none.
func stepAt(p *lang.Policy, offset int) (text string, at lang.Span) {
	for _, k := range p.Knocks {
		for _, sequence := range []struct {
			steps []lang.Step
			of    string
		}{{k.Steps, "knock `" + k.Name.Text + "`"}, {k.Close, "the `close` sequence of knock `" + k.Name.Text + "`"}} {
			for i, s := range sequence.steps {
				if within(s.Span, offset) {
					return fmt.Sprintf("Step %d of %d of %s: %s", i+1, len(sequence.steps), sequence.of, attempt(s)), s.Span
				}
			}
		}
		for _, s := range k.Services {
			if within(s.Span, offset) {
				return fmt.Sprintf("A service that knock `%s` guards", k.Name.Text), s.Span
			}
		}
	}
	return "", at
}

// attempt is what does a step.
func attempt(s lang.Step) string {
	switch {
	case s.Code:
		return fmt.Sprintf("a datagram to UDP port %d with a one-time code", s.Port)
	case s.Proto == lang.UDP:
		return fmt.Sprintf("a datagram to UDP port %d", s.Port)
	case s.Proto == lang.Ping && s.Length == lang.AnyLength:
		return "a ping of any length"
	case s.Proto == lang.Ping:
		return fmt.Sprintf("a ping with %d bytes of data", s.Length)
	}
	return fmt.Sprintf("a SYN to TCP port %d", s.Port)
}
