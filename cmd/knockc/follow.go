package main

import (
	"flag"
	"net/netip"

	"example.org/knockc/lang"
)

var followCommand = &command{
	name:  "follow",
	usage: "[-v] [-n COUNT] [-table NAME] SOURCE|KNOCK",
	short: "watch attempts as they come in, and what becomes of them",
	long: `
Follow prints a line for each attempt from a source, which is an address or a prefix, or
for each attempt at a port of a knock, until it is interrupted:

    12:03:01.250  192.0.2.7 -> 9002  pass    ssh 2/4
    12:03:01.461  192.0.2.7 -> 8003  pass    ssh 3/4
    12:03:01.672  192.0.2.7 -> 1234  pass    ssh open
    12:03:02.013  192.0.2.7 -> 22    accept  then drop: inet filter, input: policy drop

The line has the time, the source, the port, the verdict of the policy, and the knocks
that it has moved. If other tables of the host send the packet to another port or host, or
drop it, the line names their rules. A verdict of - means that the policy has not seen
the packet.

With -v, follow also prints packets that are not attempts. It prints at most 100 packets
a second for each of its rules. If they meet so many rules that follow does not keep up,
a line says that some are not shown.

Follow loads a table of its own, inet knockc_follow, and removes it at the end. It needs
the program nft.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var o followOptions
		table := tableFlag(flags)
		flags.BoolVar(&o.all, "v", false, "print packets that are not attempts too")
		flags.IntVar(&o.count, "n", 0, "end after `COUNT` packets")
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes a source address or the name of a knock")
			case o.count < 0:
				return usagef("-n takes a number of packets")
			}
			o.table = *table
			var err error
			if o.source, err = sourcePrefix(args[0]); err != nil && lang.IsName(args[0]) {
				o.knock, o.source, err = args[0], netip.Prefix{}, nil
			}
			if err != nil {
				return err
			}
			return runFollow(s, o)
		}
	},
}

// followOptions are what the command line asks for.
type followOptions struct {
	table, knock string
	source       netip.Prefix // if no knock is named
	all          bool
	count        int // 0: until it is interrupted
}
