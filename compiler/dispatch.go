package compiler

import (
	"slices"

	"example.org/knockc/lang"
)

// entries are those of a dispatch of points.
func entries(points []*point, verdict func(*point) Verdict) []DispatchEntry {
	all := make([]DispatchEntry, len(points))
	for i, p := range points {
		all[i] = DispatchEntry{protoNumber(p.Proto), p.First, p.Last, verdict(p)}
	}
	return all
}

func always(v Verdict) func(*point) Verdict { return func(*point) Verdict { return v } }

// dispatch adds rules that dispatch the entries in maps with a name, under a condition:
// the ranges, if there are any, then the single ports by one lookup in a hash table.
//
// A packet that is on its way when a ruleset is loaded over this one may look into the
// new maps and still see the old chains, among which a new one is empty (nft_do_chain
// stays with a generation, lookups ask for that of the moment). And the map of ranges
// changes some time after the rules and all hash tables (nft_set_pipapo.c, commit), so
// that a port which moves from one map to the other is in none of them meanwhile. A port
// that leaves a range is found because the ranges come first. Where a miss must not let a
// packet through, rules that refuse come last, see guarded.
func (c *Chain) dispatch(name, comment string, entries []DispatchEntry, condition ...Instruction) {
	single, ranges := split(entries)
	if len(ranges) > 0 {
		c.add("", append(slices.Clip(condition), Dispatch{Name: name + "_ranges", Comment: comment + ", in ranges", Interval: true, Entries: ranges})...)
	}
	c.add("", append(slices.Clip(condition), Dispatch{Name: name, Comment: comment, Entries: single})...)
}

// dispatchHere adds rules that dispatch the entries, if there are any, in maps of their
// own, under a condition.
func (c *Chain) dispatchHere(entries []DispatchEntry, condition ...Instruction) {
	single, ranges := split(entries)
	for _, some := range [][]DispatchEntry{single, ranges} {
		if len(some) > 0 {
			c.add("", append(slices.Clip(condition), Dispatch{Entries: some})...)
		}
	}
}

// dispatchNamed is dispatchHere by the ports that the sender named. The entries are in
// order.
func (c *Chain) dispatchNamed(entries []DispatchEntry) {
	for _, proto := range []uint8{ProtoTCP, ProtoUDP} {
		some := slices.DeleteFunc(slices.Clone(entries), func(e DispatchEntry) bool { return e.Proto != proto })
		if len(some) > 0 {
			c.add("", Dispatch{Named: proto, Entries: some})
		}
	}
}

func split(entries []DispatchEntry) (single, ranges []DispatchEntry) {
	single = make([]DispatchEntry, 0, len(entries))
	for _, e := range entries {
		if e.First == e.Last {
			single = append(single, e)
		} else {
			ranges = append(ranges, e)
		}
	}
	return single, ranges
}

// fewRanges is how many ranges have a rule each that catches what gets lost during a
// reload. For more there is a map, so that the number of rules does not grow with the
// policy. The map changes late, too, so it has single ports as well: one that moves into a
// range is then in what the map was before.
const fewRanges = 16

// guarded adds rules with the verdict for packets to all ports of ranges that knocks guard
// at the host, as the knocks have them: however the ranges are cut in other maps. Only
// during a reload anything comes so far.
func (b *builder) guarded(c *Chain, verdict Verdict) {
	var all, ranges []lang.Service
	for _, k := range b.policy.Knocks {
		for _, s := range k.Services {
			if len(k.At) > 0 {
				continue
			}
			if all = append(all, s); s.First < s.Last {
				ranges = append(ranges, s)
			}
		}
	}
	if ranges = lang.Merged(ranges); len(ranges) > fewRanges {
		var entries []DispatchEntry
		for _, s := range lang.Merged(all) {
			entries = append(entries, DispatchEntry{protoNumber(s.Proto), s.First, s.Last, verdict})
		}
		c.add("", Dispatch{Name: "guarded", Comment: "packets get here only during a reload", Interval: true, Entries: entries})
		return
	}
	for _, s := range ranges {
		c.add("lost during a reload", L4Proto{protoNumber(s.Proto)}, Ports{s.First, s.Last, false}, verdict)
	}
}

func protoNumber(p lang.Proto) uint8 { return [...]uint8{lang.TCP: ProtoTCP, lang.UDP: ProtoUDP}[p] }
