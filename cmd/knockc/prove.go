package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
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
language means and knows nothing of nftables. It tries packets of one source at a time:
the steps, services and other ports that matter to a knock, and segments of connections,
in all orders, before, between and at all deadlines. It does so for each knock, for IPv4
and IPv6, and for a source of each kind: one that the knock admits, one that it does not
admit, and one that need not knock. If the rules ever decide or remember something else,
prove prints the packets that lead there, and the exit status is 1. That would be a fault
of knockc.

Different orders often lead to the same state, which is tried once. States are the same if
the same is remembered, each rest of time is on the same side of the times in the policy,
and the next deadlines come in the same order. So there may be an end: "all" means that
each packet was tried in each state. Otherwise, prove stops after -packets for a source:
"ways of 6" means that it has tried all orders of up to 6 packets. First of all, it tries
all packets and deadlines beside the sequence as written, up to the end of the grant. If a
door was never open meanwhile, or never shut again, prove says so.

Prove also tries, without time between the packets, what stands beside everything that the
policy names: ports, addresses, interfaces, lengths of pings and flags. For each knock and
source, it chooses up to 100 different packets, and stops after 20000 in all orders.
Neighbours try the steps and services in turn: addresses that "per" takes for the same
source, and others. And prove tries every port once. It leaves out full sets and the ends
of idle connections.

At the end, prove prints the shortest way to open each door, and the shortest that is not
the sequence as written, if there is one: for example, with another packet in between. If
it stops too early, the sequence as written is taken for the shortest. If nothing opens a
door without time between the packets, prove tries all times. If that comes to an end too,
this is a proof that the door never opens: prove says so, and the exit status is 1.

With -traces, it writes both to files in DIR, as traces for sim: ssh.trace and
ssh.also.trace. If there is no such way any more, it removes the file that it wrote before.

If POLICY is -, prove reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var p proving
		packets := flags.Int("packets", 0, "stop after `N` packets for each knock and source; without it 200000, or fewer for more than 10 knocks")
		flags.StringVar(&p.traces, "traces", "", "write the shortest ways to open each door to files in `DIR`")
		return func(s *streams, args []string) error {
			if len(args) != 1 {
				return usagef("takes one policy")
			}
			given := false
			flags.Visit(func(f *flag.Flag) { given = given || f.Name == "packets" })
			if given && *packets < 1 {
				return usagef("-packets must be 1 or more")
			}
			p.policy, p.packets = args[0], *packets
			return p.run(s)
		}
	},
}

// proving is one run of the command.
type proving struct {
	policy, traces string
	named          string // the line of a trace that names the policy; "": standard input
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
	if err := p.makeFolder(); err != nil {
		return err
	}
	p.packets = cmp.Or(p.packets, packetsFor(policy))
	if err := p.explore(s, result); err != nil {
		return err
	}
	var closed error
	for _, k := range policy.Knocks {
		if err := p.ways(s, result, k); errors.Is(err, errInput) {
			closed = err
		} else if err != nil {
			return err
		}
	}
	return closed
}

// packetsFor is how many packets are tried for each knock and source, if nobody says.
func packetsFor(p *lang.Policy) int {
	const most, least, total = 200_000, 1000, 2_000_000
	return min(most, max(least, total/max(1, len(p.Knocks))))
}

// makeFolder makes the folder for traces, after it is known how they name the policy.
func (p *proving) makeFolder() (err error) {
	if p.traces == "" {
		return nil
	}
	if p.policy != stdio {
		if p.named, err = policyLine(relative(p.traces, p.policy)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(p.traces, 0o777); err != nil {
		return fmt.Errorf("cannot make %s: %w", p.traces, reason(err))
	}
	return nil
}

// relative is a file as seen from a folder.
func relative(folder, file string) string {
	from, err := filepath.Abs(folder)
	to, other := filepath.Abs(file)
	if err != nil || other != nil {
		return file
	}
	if seen, err := filepath.Rel(from, to); err == nil {
		return seen
	}
	return to
}

// explore prints a row for each knock and source as soon as it is there, and what was tried
// beside.
func (p *proving) explore(s *streams, r *compiler.Result) error {
	name := len("KNOCK")
	for _, k := range r.Policy.Knocks {
		name = max(name, len(k.Name.Text))
	}
	row := func(cells ...any) {
		s.print("%s\n", strings.TrimRight(fmt.Sprintf("%-*s  %-38v  %8v  %9v  %v", append([]any{name}, cells...)...), " "))
	}
	row("KNOCK", "SOURCE", "STATES", "PACKETS", "TRIED")
	packets, wide, sources, neighbours, everyPort := 0, 0, map[netip.Addr]bool{}, 0, 0
	err := s.prove(r, p.packets, func(found explore.Proof) {
		packets += found.Packets
		switch found.Scope {
		case explore.InTime:
			row(cmp.Or(found.Knock, "-"), describe(found.Sender), found.States, found.Packets, extent(found))
		case explore.Neighbours:
			neighbours += found.Packets
		case explore.Wide:
			wide += found.Packets
			sources[found.Sender.Src] = true
		case explore.EveryPort:
			everyPort++
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nat once, from %d %s: %d packets; from neighbours in turn: %d; to every port: from %d sources\n",
		len(sources), lang.Plural(len(sources), "source"), wide, neighbours, everyPort)
	fmt.Fprintf(s.out, "%d packets, 0 differences between the rules and what the policy means\n", packets)
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
func extent(p explore.Proof) string {
	text := "all"
	if !p.Whole {
		text = "ways of " + fmt.Sprint(p.Depth)
	}
	switch {
	case p.Knock == "" || p.Sender.Kind != explore.Admitted || p.Shut:
		return text
	case p.Opened:
		return text + ", never shut"
	}
	return text + ", never open"
}

// ways tells the shortest ways to open the door of a knock, and writes them. It returns that
// the input is at fault if there is none.
func (p *proving) ways(s *streams, r *compiler.Result, k *lang.Knock) error {
	found, err := explore.Open(context.Background(), r, k, p.packets)
	if err != nil {
		return err
	}
	p.tell(s, k.Name.Text, found)
	if p.traces != "" {
		if err := p.write(s, k.Name.Text, found); err != nil {
			return err
		}
	}
	if found.Never {
		return errInput
	}
	return nil
}

func (p *proving) tell(s *streams, knock string, found explore.Opening) {
	switch {
	case found.Shortest != nil:
		fmt.Fprintf(s.out, "\n%s opens with %s\n", knock, destinations(found.Shortest))
	case found.Never:
		fmt.Fprintf(s.out, "\n%s never opens: all packets that matter to it were tried, in all orders and at all times\n", knock)
	case found.Sources == 0:
		fmt.Fprintf(s.out, "\n%s: no source was found that may knock\n", knock)
	case found.Whole:
		fmt.Fprintf(s.out, "\n%s: no way to open it was found, but its times are too fine for a proof\n", knock)
	default:
		fmt.Fprintf(s.out, "\n%s: no way to open it was found in %d packets; -packets tries more\n", knock, p.packets)
	}
	if found.Other != nil {
		fmt.Fprintf(s.out, "%s also opens with %s\n", knock, destinations(found.Other))
	}
}

// destinations are those of packets, as steps are written, and the time before each that does
// not follow at once.
func destinations(way explore.Way) string {
	var all []string
	now := way[0].At
	for _, e := range way {
		to := strings.Join(strings.Fields(e.Packet.Destination()), " ")
		if e.At > now {
			to = "after " + lang.FormatDuration(e.At-now) + " " + to
		}
		now = e.At
		all = append(all, to)
	}
	return strings.Join(all, ", ")
}

// write writes the ways to open the door of a knock to files. A dot is in no knock's name, so
// no other knock has these. If there is no way, it removes the file of an earlier one.
func (p *proving) write(s *streams, knock string, found explore.Opening) error {
	for _, w := range []struct {
		ending, title string
		way           explore.Way
	}{
		{".trace", "# The shortest way to open " + knock + ".\n", found.Shortest},
		{".also.trace", "# The shortest way to open " + knock + " that is not the sequence as written.\n", found.Other},
	} {
		file := filepath.Join(p.traces, knock+w.ending)
		if w.way == nil {
			if err := removeIf(file, w.title); err != nil {
				return err
			}
		} else if err := s.write(file, wayTrace(w.title+p.named, knock, w.way), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// removeIf removes a file that begins with a text.
func removeIf(file, begin string) error {
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), begin) {
		return nil
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("cannot remove %s: %w", file, reason(err))
	}
	return nil
}

// wayTrace is a way as a trace, which expects the door to be open at its end.
func wayTrace(head, knock string, way explore.Way) []byte {
	text := head + "\n"
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
