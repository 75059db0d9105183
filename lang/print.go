package lang

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the step in canonical form.
func (s Step) String() string {
	switch {
	case s.Code:
		return codeWord + "/" + strconv.Itoa(int(s.Port))
	case s.Proto != Ping:
		return protoPrefix(s.Proto) + strconv.Itoa(int(s.Port))
	case s.Length == AnyLength:
		return "ping"
	}
	return "ping/" + strconv.Itoa(s.Length)
}

// String is the service in canonical form.
func (s Service) String() string {
	if s.First == s.Last {
		return protoPrefix(s.Proto) + strconv.Itoa(int(s.First))
	}
	return protoPrefix(s.Proto) + strconv.Itoa(int(s.First)) + "-" + strconv.Itoa(int(s.Last))
}

// protoPrefix leaves out the protocol that goes without saying.
func protoPrefix(p Proto) string {
	if p == TCP {
		return ""
	}
	return p.String() + "/"
}

// String is the interface in canonical form, quoted.
func (i Iface) String() string {
	if i.Wildcard {
		return `"` + i.Name + `*"`
	}
	return `"` + i.Name + `"`
}

// String is the knock on one line. It has all clauses that apply to the knock, except
// for those with the language's own defaults.
func (k *Knock) String() string { return "knock " + k.Name.Text + " " + k.text() }

// text is the knock without its name.
func (k *Knock) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<%s ->%s", List(k.Steps), List(k.Services))
	for _, clause := range knockParts[2:] {
		if text := clause.text(k); text != "" {
			b.WriteString(" " + text)
		}
	}
	b.WriteString(" >")
	return b.String()
}

// List writes values with a space before each.
func List[T fmt.Stringer](values []T) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(" " + v.String())
	}
	return b.String()
}
