package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/explore"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

var proveCommand = &command{
	name:  "prove",
	usage: "[-packets N] [-traces DIR] POLICY",
	short: "show that the rules do what the policy means",
	long: `
Prove compares the compiled rules of a policy with a second program, which does what the
language means and knows nothing of nftables. For one source, it tries all packets that
the policy tells apart, in all orders, before, between and at all deadlines. It does so
for each knock, for IPv4 and IPv6, and for sources that the knock admits, that it does not
admit, and that need not knock. If the rules ever decide or remember something else,
prove prints the packets that lead there, and the exit status is 1. That would be a fault
of knockc.

Different orders often lead to the same state, which is tried once. So there may be an
end: "all" means that no other order and no other times of these packets show anything
new. Otherwise, prove stops after -packets for a source: "ways of 6" means that it has
tried all orders of up to 6 packets. Prove leaves out several sources at once, full sets
and the ends of idle connections.

Prove also prints the shortest way to open each door, and the shortest that is not the
sequence as written, if there is one: for example, with another packet in between.
With -traces, it writes both to files in DIR, as traces for sim: ssh.trace and
ssh-also.trace.

If POLICY is -, prove reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var p proving
		packets := flags.Int("packets", provePackets, "stop after `N` packets for each knock and source")
		flags.StringVar(&p.traces, "traces", "", "write the shortest ways to open each door to files in `DIR`")
		return func(s *streams, args []string) error {
			if len(args) != 1 {
				return usagef("takes one policy")
			}
			if *packets < 1 {
				return usagef("-packets must be 1 or more")
			}
			p.policy, p.packets = args[0], *packets
			return p.run(s)
		}
	},
}

// provePackets is how many packets are tried for each source, if nobody says.
const provePackets = 200_000

// proving is one run of the command.
type proving struct {
	policy, traces string
	packets        int
}

func (p *proving) run(s *streams) error {
	src, err := s.read(p.policy)
	if err != nil {
		return err
	}
	policy, result, err := s.compile(p.policy, src, lang.Error)
	if err != nil {
		return err
	}
	table := columns{wraps: []int{1}}
	table.add("KNOCK", "SOURCE", "STATES", "PACKETS", "TRIED")
	packets := 0
	err = s.prove(result, p.packets, func(found explore.Proof) {
		packets += found.Packets
		table.add(found.Knock, describe(found.Sender), fmt.Sprint(found.States), fmt.Sprint(found.Packets), extent(found.Found))
	})
	if err != nil {
		return err
	}
	table.print(s.out)
	for _, k := range policy.Knocks {
		if err := p.ways(s, result, k); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "\n%d packets, 0 differences between the rules and what the policy means\n", packets)
	return nil
}

// prove explores a policy. It tells a difference, and returns that the input is at fault.
func (s *streams) prove(r *compiler.Result, packets int, see func(explore.Proof)) error {
	var differs *explore.Proof
	err := explore.Prove(context.Background(), r, packets, func(p explore.Proof) {
		if see(p); p.Differs != nil {
			differs = &p
		}
	})
	if err != nil || differs == nil {
		return err
	}
	tellDifference(s.err, differs)
	return errInput
}

// describe is a source, and what a knock thinks of it.
func describe(from explore.Sender) string {
	text := from.Src.String()
	if from.On != trace.DefaultIface {
		text += " on " + from.On
	}
	if from.Kind != explore.Admitted {
		text += ", " + from.Kind.String()
	}
	return text
}

// extent is how much was tried.
func extent(f explore.Found) string {
	if f.Whole {
		return "all"
	}
	return "ways of " + fmt.Sprint(f.Depth)
}

// ways tells the shortest ways to open the door of a knock.
func (p *proving) ways(s *streams, r *compiler.Result, k *lang.Knock) error {
	from, ok := admitted(r.Policy, k)
	if !ok {
		fmt.Fprintf(s.out, "\nnobody can open %s: all its sources are trusted, or no packet can come from them\n", k.Name.Text)
		return nil
	}
	shortest, also, err := explore.Ways(r, k, from)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%s opens with %s\n", k.Name.Text, destinations(shortest))
	if also != nil {
		fmt.Fprintf(s.out, "%s also opens with %s\n", k.Name.Text, destinations(also))
	}
	if p.traces == "" {
		return nil
	}
	if err := p.write(s, k, "", "The shortest way to open "+k.Name.Text+".", shortest); err != nil || also == nil {
		return err
	}
	return p.write(s, k, "-also", "The shortest way to open "+k.Name.Text+" that is not the sequence as written.", also)
}

// admitted is a source that a knock admits, with IPv4 if there is one.
func admitted(policy *lang.Policy, k *lang.Knock) (explore.Sender, bool) {
	for _, f := range compiler.Families {
		for _, from := range explore.Senders(policy, k, f) {
			if from.Kind == explore.Admitted {
				return from, true
			}
		}
	}
	return explore.Sender{}, false
}

// destinations are those of packets, as steps are written.
func destinations(way explore.Way) string {
	var all []string
	for _, e := range way {
		all = append(all, strings.Join(strings.Fields(e.Packet.Destination()), " "))
	}
	return strings.Join(all, ", ")
}

// write writes a way as a trace.
func (p *proving) write(s *streams, k *lang.Knock, ending, title string, way explore.Way) error {
	file := filepath.Join(p.traces, k.Name.Text+ending+".trace")
	policy := p.policy
	if relative, err := filepath.Rel(p.traces, p.policy); err == nil && !filepath.IsAbs(policy) {
		policy = relative
	}
	if err := os.MkdirAll(p.traces, 0o777); err != nil {
		return fmt.Errorf("cannot make %s: %w", p.traces, reason(err))
	}
	return s.write(file, wayTrace(title, policy, k.Name.Text, way), 0o600)
}

// wayTrace is a way as a trace, which expects the door to be open at its end.
func wayTrace(title, policy, knock string, way explore.Way) []byte {
	text := "# " + title + "\n"
	if policy != stdio {
		text += "policy " + policy + "\n"
	}
	text += "\n"
	for _, e := range way {
		text += string(e.AppendTo(nil)) + "\n"
	}
	end := way[len(way)-1]
	expect := trace.Event{At: end.At, Expect: &trace.Expect{Knock: knock, State: trace.Open, Src: end.Packet.Src}}
	text += string(expect.AppendTo(nil)) + "\n"
	formatted, _ := trace.Format([]byte(text))
	return formatted
}

// tellDifference says that rules do not do what their policy means.
func tellDifference(w io.Writer, p *explore.Proof) {
	fmt.Fprintf(w, "knockc: the rules do not do what %s means. After these packets:\n\n", p.Knock)
	for _, event := range p.Differs.Way {
		fmt.Fprintf(w, "    %s\n", event.AppendTo(nil))
	}
	at := lang.FormatDuration(p.Differs.At)
	fmt.Fprintf(w, "\nat %s it means: %s\nbut the rules: %s\n", at, standing(p.Differs.Of[0]), standing(p.Differs.Of[1]))
	fmt.Fprintln(w, "This is a fault of knockc: do not load the rules. Please report it, see SECURITY.md.")
}

// does is what a host does after packets.
func standing(a explore.Answer) string {
	var all []string
	if a.Verdict != "" {
		all = append(all, string(a.Verdict))
	}
	for _, k := range a.Knocks {
		state := trace.Closed
		if k.Open {
			state = trace.Open
		}
		all = append(all, fmt.Sprintf("%s %s, at step %d", k.Knock, state, k.Step))
	}
	return strings.Join(all, ", ")
}
