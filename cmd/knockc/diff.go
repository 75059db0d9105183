package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/explore"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

var diffCommand = &command{
	name:  "diff",
	usage: "OLD NEW",
	short: "show what changes for people if a policy replaces another",
	long: `
Diff compares two policies by what they do. For each change, it prints the shortest
packets that show it, and what the rules of both policies say to them. At the end, it
lists the knocks whose sources lose something when NEW is loaded over OLD: their grants
end, and sources in the middle of the sequence have to start again. If NEW makes more than
eight knocks guard a port, open doors to it stay open only if knockc apply loads NEW.

Diff tries packets in all orders, from each source that the policies may treat differently:
at once, and with times between them. It begins with the steps, services and open ports
that the change touches. For each source, it chooses up to 200 different packets, and stops
after 20000 in all at once, and after 200000 in time. If it has stopped, or left out
packets, and nothing has shown the change, the line of the change says so in numbers. A
change of "log", "size", "table", "key" or "ahead" is listed alone: no packets of a source
show it.

If something changes, the exit status is 1, as it is if a policy has errors; then nothing
is printed to standard output. Comments and the order of clauses are no change. Another
order of services, or of what stands behind "from", "on" or "at" of a knock, changes
nothing but that the knock begins again.

The output contains the steps: keep it secret. One of the two can be -, for standard
input.`,
	setup: func(*flag.FlagSet) func(*streams, []string) error {
		return func(s *streams, args []string) error {
			if len(args) != 2 {
				return usagef("takes two policies")
			}
			old, err := s.compiled(args[0])
			if err != nil {
				return err
			}
			is, err := s.compiled(args[1])
			if err != nil {
				return err
			}
			changed, err := writeChanges(s.out, old, is, byAny)
			if err == nil && changed {
				err = errInput
			}
			return err
		}
	},
}

func (s *streams) compiled(name string) (*compiler.Result, error) {
	src, err := s.read(name)
	if err != nil {
		return nil, err
	}
	_, result, err := s.compile(name, src, lang.Error)
	return result, err
}

// diffPackets is how many packets are tried for each change and source.
const diffPackets = 200_000

// loader is what loads the new policy.
type loader int

const (
	byAny   loader = iota // apply, or nft with the rules of build
	byApply               // which keeps all open doors that it can
)

// writeChanges says what changes if a policy takes the place of another, and reports whether
// anything does.
func writeChanges(w io.Writer, old, is *compiler.Result, by loader) (changed bool, err error) {
	changes := lang.Changes(old.Policy, is.Policy)
	for _, c := range changes {
		if err := writeChange(w, old, is, c); err != nil {
			return true, err
		}
	}
	losses, err := explore.Losses(context.Background(), old, is, diffPackets)
	if err != nil {
		return true, err
	}
	for _, l := range losses {
		if by == byApply && l.Unfound != nil {
			continue
		}
		writeLoss(w, l)
		changed = true
	}
	return changed || len(changes) > 0, nil
}

// writeLoss writes what sources of a knock lose, with packets that open a door before.
func writeLoss(w io.Writer, l explore.Lost) {
	fmt.Fprintf(w, "knock %s: ", l.Knock)
	end := "then the new policy is loaded, and the grant ends"
	if l.Unfound == nil {
		fmt.Fprintln(w, "all progress and grants end when the new policy is loaded")
	} else {
		services := strings.TrimSpace(lang.List(l.Unfound))
		fmt.Fprintf(w, "open doors to %s shut when nft loads the new rules; `knockc apply` keeps them open\n", services)
		end = fmt.Sprintf("then nft loads the new rules, and %s is shut: more than %d knocks guard it", services, compiler.ManyGuards)
	}
	if l.Way != nil {
		writeRows(w, l.Way, nil, nil)
		fmt.Fprintf(w, "    %s is open for %s; %s\n", l.Knock, l.Way[0].Packet.Src, end)
	}
}

// writeChange writes a change, and what shows it: by itself if others interfere, and with all
// others if the policy would have errors.
func writeChange(w io.Writer, old, is *compiler.Result, c lang.Change) error {
	if c.Unseen {
		fmt.Fprintln(w, lang.Printable(c.String()))
		return nil
	}
	alone, found := compiler.Compile(c.Alone)
	if alone == nil || lang.HasErrors(found) {
		alone = is
	}
	compared, err := explore.Compare(context.Background(), old, alone, c.Knock, diffPackets)
	d := compared.Differs
	if err != nil || d == nil {
		fmt.Fprintln(w, lang.Printable(c.String())+effort(compared))
		return err
	}
	before, err := explore.Replay(old, d.Way)
	if err != nil {
		return err
	}
	after, err := explore.Replay(is, d.Way)
	if err != nil {
		return err
	}
	byItself, err := explore.Replay(alone, d.Way)
	if err != nil {
		return err
	}
	note := ""
	if !slices.Equal(after, byItself) {
		after, note = byItself, ", shown without the other changes:"
	}
	fmt.Fprintln(w, lang.Printable(c.String())+note)
	writeRows(w, d.Way, before, after)
	return nil
}

// effort is what was tried in vain, if not everything was.
func effort(c explore.Compared) string {
	var left []string
	if c.Stopped > 0 {
		left = append(left, fmt.Sprintf("stopped at %d for one source", c.Stopped))
	}
	if c.Kinds > 0 {
		left = append(left, fmt.Sprintf("chose %d of %d different ones", explore.MostKinds, c.Kinds))
	}
	if left == nil {
		return ""
	}
	return fmt.Sprintf(", not shown by %d packets: %s", c.Packets, strings.Join(left, ", "))
}

// writeRows writes packets, and beside each what becomes of it before and after a change.
func writeRows(w io.Writer, way []trace.Event, before, after []trace.Verdict) {
	texts, width := make([]string, len(way)), 0
	for i, e := range way {
		texts[i] = strings.Join(strings.Fields(string(e.AppendTo(nil))), " ")
		width = max(width, len(texts[i]))
	}
	for i, text := range texts {
		switch {
		case before == nil:
			fmt.Fprintf(w, "    %s\n", text)
		case before[i] == after[i]:
			fmt.Fprintf(w, "    %-*s  %s\n", width, text, before[i])
		default:
			fmt.Fprintf(w, "    %-*s  %s, was %s\n", width, text, after[i], before[i])
		}
	}
}
