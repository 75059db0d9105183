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
func (k *Knock) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "knock %s <%s ->%s within %s", k.Name.Text, List(k.Steps), List(k.Services), FormatDuration(k.Within))
	if k.Total != 0 {
		fmt.Fprintf(&b, " total %s", FormatDuration(k.Total))
	}
	b.WriteString(" grant " + FormatDuration(k.Grant))
	if k.Once {
		b.WriteString(" once")
	}
	if k.Reset.Mode != ResetNone {
		b.WriteString(" reset " + resetModes[k.Reset.Mode])
	}
	if k.Reset.Revoke {
		b.WriteString(" revoke")
	}
	if len(k.Close) > 0 {
		b.WriteString(" close" + List(k.Close))
	}
	if len(k.From) > 0 {
		b.WriteString(" from" + List(k.From))
	}
	if len(k.On) > 0 {
		b.WriteString(" on" + List(k.On))
	}
	if len(k.At) > 0 {
		b.WriteString(" at" + List(k.At))
	}
	if k.CodeStep() >= 0 {
		fmt.Fprintf(&b, ` key "%s" period %s ahead %s`, k.Key.Path, FormatDuration(k.Period), FormatDuration(k.Ahead))
	}
	if k.Per != (Per{32, 128}) && k.Per != (Per{}) {
		fmt.Fprintf(&b, " per /%d /%d", k.Per.IPv4, k.Per.IPv6)
	}
	if k.Log.On {
		b.WriteString(" log")
		if k.Log.Prefix != "" {
			b.WriteString(` "` + k.Log.Prefix + `"`)
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
