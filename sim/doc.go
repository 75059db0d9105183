// Package sim runs compiled rulesets against packets in virtual time.
//
// A [Machine] holds what the kernel would: the elements of the sets, each with
// the time at which it ends, and the flows that connection tracking knows. It
// runs the instructions of the ruleset one by one, as nf_tables does, and does
// not know what they are for: a knock is nothing to it. So what it shows is
// what the loaded rules do.
//
// Time is the packets' own: the machine's clock stands where the last packet
// was. An element with timeout T, updated at t, lives in [t, t+T); one that would end
// later than a time can be never ends. Elements that have ended hold their place in the
// set until the next collection, as in the kernel (nft_set_hash.c), so a set can be full
// of them. A set is collected once a second, unless it says otherwise. With an exact
// clock, collections are at whole multiples of that time.
//
// [New] makes a machine with an exact clock. That of [NewTicking] may advance in ticks, as
// the kernel's jiffies do: timeouts are whole ticks, and what happens within a tick
// happens at once. Where in a tick a trace begins nobody knows, nor when the kernel
// collects. With an unknown phase, each packet is sent along all ways that it may take,
// and what is not the same on all of them has a [Doubt].
//
// A packet to the host meets the base chains at prerouting and then those at input, one
// that goes on those at prerouting and forward. If none of them decides, it passes: the
// rest of the host decides, of which the machine knows nothing.
//
// Connection tracking follows the packets that are accepted, which the host is taken to
// answer. A packet that passes begins a flow only if it says whether it is answered.
//
// Memory is bounded by what lives at a time: an element takes 33 bytes and a flow 49, in
// tables whose size doubles when they are full. A flow is kept until the kernel would
// forget it.
//
// A ruleset is laid out as a flat program for each family. It runs millions of
// packets a second and allocates nothing for one that makes no element.
package sim
