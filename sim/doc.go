// Package sim runs compiled rulesets against packets in virtual time. Begin with [New],
// and give each packet to [Machine.Packet]. Package replay does that with traces.
//
// A [Machine] holds the same state as the kernel: the elements of the sets, each with
// the time at which it ends, and the flows that connection tracking knows. It runs the
// instructions of the ruleset one by one, as nf_tables does. It does not know what they
// are for, and knows nothing of knocks. So it shows what the loaded rules do.
//
// Packets bring their own time: the time of the machine is that of the last packet. An
// element with timeout T, updated at t, lives in [t, t+T). If t+T is more than a time
// can hold, the element never ends. Elements that have ended keep their place in the
// set until the next collection, as in the kernel (nft_set_hash.c), so a set can be
// full of them. A set is collected once a second, unless it says otherwise. With an
// exact clock, collections are at whole multiples of that time.
//
// One-time codes are in sets too. No rule makes them: whoever runs the machine loads them,
// as on a host, with [Machine.AddCode], and packets spend them.
//
// [New] makes a machine with an exact clock. The clock of [NewTicking] may advance in
// ticks, as the kernel's jiffies do: timeouts are whole ticks, and everything within a
// tick happens at once. It is unknown where in a tick a trace begins, and when the
// kernel collects. If the phase is unknown, each packet is sent along all ways that it
// may take, and every result that is not the same on all of them has a [Doubt].
//
// A packet to the host meets the base chains at prerouting and then those at input. A
// packet to another host meets those at prerouting and forward. If none of them
// decides, the packet passes: the rest of the host decides, which the machine does not
// know.
//
// Connection tracking follows the packets that are accepted. The machine assumes that
// the host answers them. A packet that passes begins a flow only if it says whether it
// is answered.
//
// The memory depends on how many elements and flows live at one time: an element takes
// 33 bytes and a flow 49, in tables whose size doubles when they are full. A flow is
// kept until the kernel would forget it.
//
// A ruleset is laid out as a flat program for each family. It runs millions of packets
// a second, and allocates nothing for a packet that makes no element.
package sim
