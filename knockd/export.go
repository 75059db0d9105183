package knockd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// Export makes a section of a configuration of knockd from a knock, and a second one from
// its closing sequence. [options] comes first if the knock needs it. Comments say what
// knockd does not do. A step that knockd cannot see is an error, which names it.
//
// [Import] makes the same knock from the text, except for what the comments say.
func Export(k *lang.Knock) (string, error) {
	for _, step := range k.AllSteps() {
		if step.Proto == lang.Ping || step.Code {
			return "", fmt.Errorf("knockd knows only ports, and cannot see the step %s", lang.Quote(step.String()))
		}
	}
	e := &exporter{Knock: k}
	e.comment("The firewall of the host must refuse the services. knockd lets a source in with iptables.")
	for _, note := range e.lost() {
		e.comment("%s", note)
	}
	e.options()
	name := k.Name.Text
	if name == "options" {
		name = "door_options" // [options] is another section
	}
	e.door(name)
	if len(k.Close) > 0 {
		e.closingDoor(name + "_close")
	}
	return strings.TrimSuffix(e.out.String(), "\n"), nil
}

// exporter writes sections.
type exporter struct {
	*lang.Knock
	out strings.Builder
}

func (e *exporter) comment(format string, args ...any) {
	fmt.Fprintf(&e.out, "# "+format+"\n", args...)
}

func (e *exporter) section(name string) { fmt.Fprintf(&e.out, "[%s]\n", name) }

func (e *exporter) entry(key, value string) {
	e.out.WriteString(strings.TrimRight(fmt.Sprintf("\t%-15s = %s", key, value), " ") + "\n")
}

// oneIface is the interface that knockd has to listen on; "" if that is not a single one.
func (e *exporter) oneIface() string {
	if len(e.On) != 1 || e.On[0].Wildcard {
		return ""
	}
	return e.On[0].Name
}

func (e *exporter) options() {
	iface := e.oneIface()
	if iface == "" && !e.Log.On {
		return
	}
	e.section("options")
	if e.Log.On {
		e.out.WriteString("\tUseSyslog\n")
	}
	if iface != "" {
		e.entry("Interface", iface)
	}
	e.out.WriteString("\n")
}

func (e *exporter) door(name string) {
	e.section(name)
	e.sequence(e.Steps)
	e.start("-I")
	if e.Grant != lang.Forever {
		e.entry("cmd_timeout", inSeconds(e.Grant))
		e.commands("stop_command", "-D")
	}
}

func (e *exporter) closingDoor(name string) {
	e.out.WriteString("\n")
	e.section(name)
	e.sequence(e.Close)
	e.start("-D")
}

// start writes what the sequence does. For IPv6, knockd runs the first command too, unless
// there is a second one. An empty one does nothing.
func (e *exporter) start(action string) {
	e.commands("start_command", action)
	if e.fromOnly(ipv4) {
		e.entry("start_command_6", "")
	}
}

// sequence writes steps, and the time for them. The steps of one sequence have the same
// time as those of the other.
func (e *exporter) sequence(steps []lang.Step) {
	var ports []string
	tcp := false
	for _, step := range steps {
		port := fmt.Sprint(step.Port)
		if step.Proto == lang.UDP {
			port += ":udp"
		}
		ports = append(ports, port)
		tcp = tcp || step.Proto == lang.TCP
	}
	e.entry("sequence", strings.Join(ports, ","))
	if limit := e.limit(); limit > 0 {
		e.entry("seq_timeout", inSeconds(limit))
	}
	if tcp {
		e.entry("tcpflags", "syn,!ack")
	}
}

// gaps is how many times a source can wait in the longer one of both sequences.
func (e *exporter) gaps() int { return max(len(e.Steps), len(e.Close)) - 1 }

// limit is the most time that a sequence can take; 0 if there is only one step.
func (e *exporter) limit() time.Duration {
	limit := time.Duration(e.gaps()) * e.Within
	if e.Total != 0 {
		limit = min(limit, e.Total)
	}
	return limit
}

// inSeconds is a time for knockd, which counts whole seconds: at least as long.
func inSeconds(d time.Duration) string { return fmt.Sprint(int64((d + time.Second - 1) / time.Second)) }

// commands writes what puts rules into the firewall, or takes them out.
func (e *exporter) commands(key, action string) {
	rules4, rules6 := e.rules("iptables", action, ipv4), e.rules("ip6tables", action, ipv6)
	switch {
	case e.fromOnly(ipv6):
		e.entry(key+"_6", rules6)
	case e.fromOnly(ipv4):
		e.entry(key, rules4)
	default:
		e.entry(key, cmp.Or(rules4, rules6))
		if rules4 != "" && rules6 != "" {
			e.entry(key+"_6", rules6)
		}
	}
}

// The lengths of addresses, which tell the families.
const ipv4, ipv6 = 32, 128

// fromOnly reports whether only sources of one family may knock.
func (e *exporter) fromOnly(bits int) bool {
	other := func(p lang.Prefix) bool { return p.Addr().BitLen() != bits }
	return len(e.From) > 0 && !slices.ContainsFunc(e.From, other)
}

// rules are the commands for the services of a family; "" if there are none.
func (e *exporter) rules(program, action string, bits int) string {
	chain, to := "INPUT", ""
	if len(e.At) > 0 {
		at := slices.DeleteFunc(slices.Clone(e.At), func(p lang.Prefix) bool { return p.Addr().BitLen() != bits })
		if len(at) == 0 {
			return ""
		}
		chain, to = "FORWARD", " -d "+strings.Join(strings.Fields(where(at)), ",")
	}
	var rules []string
	for _, s := range e.Services {
		ports := fmt.Sprint(s.First)
		if s.Last > s.First {
			ports += fmt.Sprintf(":%d", s.Last)
		}
		rules = append(rules, fmt.Sprintf("%s %s %s -s %%IP%%%s -p %s --dport %s -j ACCEPT", program, action, chain, to, s.Proto, ports))
	}
	return strings.Join(rules, "; ")
}

// lost is what knockd does otherwise.
func (e *exporter) lost() (notes []string) {
	lose := func(lost bool, format string, args ...any) {
		if lost {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	limit := e.limit()
	lose(e.gaps() > 1 && e.Within < limit, "`within %s` is lost: only the time for the whole sequence counts.", lang.FormatDuration(e.Within))
	lose(limit%time.Second != 0, "The sequence may take %ss instead of %s.", inSeconds(limit), lang.FormatDuration(limit))
	lose(e.Grant != lang.Forever && e.Grant%time.Second != 0, "The grant is %ss instead of %s.", inSeconds(e.Grant), lang.FormatDuration(e.Grant))
	lose(e.Once, "`once` is lost: every connection is let in until the grant ends.")
	lose(e.Reset.Mode == lang.ResetNone, "A wrong attempt at a port of a sequence makes the source begin again, as with `reset known`.")
	lose(e.Reset.Mode == lang.ResetAny, "`reset any` is lost: only wrong attempts at ports of a sequence make the source begin again.")
	lose(e.Reset.Revoke, "`revoke` is lost: a wrong attempt does not end the grant.")
	narrow := func(p lang.Prefix) bool { return p.Bits() > 0 }
	lose(slices.ContainsFunc(e.From, narrow), "`from%s` is lost: knockd does not look at the network of a source.", where(e.From))
	lose(e.oneIface() == "", "knockd listens on one interface: eth0, or the `Interface` of [options].")
	lose(e.Per != lang.Per{} && e.Per != lang.Per{IPv4: 32, IPv6: 128}, "`per /%d /%d` is lost: the grant is for a single address.", e.Per.IPv4, e.Per.IPv6)
	lose(e.Log.Prefix != "", "The text of `log` is lost.")
	return notes
}
