// Package compiler turns a checked policy into an nf_tables program.
//
// The program, a [Ruleset], is the only intermediate form: sets, chains and
// rules whose instructions are small structs with one meaning each. It has
// several readers, which check one another: [Ruleset.WriteNFT] prints it for
// `nft -f`, and package sim runs it on packets.
//
// # The machine
//
// A packet enters the base chain and meets its rules in order. A rule runs its
// instructions in order; an instruction either goes on, ends the packet's way
// with a verdict, or breaks, which skips the rest of the rule and nothing else.
// Sets hold elements that time out; an update of a full set breaks. So a drop
// must never stand behind an update in the same rule.
//
// # The layout
//
// What a source has achieved is an element: its address and a state number,
// which stands for a knock and a step of it. The sets are shared by all knocks,
// so their number does not grow with the policy:
//
//	first4 first6    sources that made a first step
//	steps4 steps6    sources further on
//	grants4 grants6  sources for which a door is open
//
// First steps have sets of their own: a flood of them leaves those who are
// further on alone. The base chain accepts what is established, then sends each
// packet by one lookup of protocol and port to the chain of that port. So a
// packet to a port that no knock names meets the same rules whether there is
// one knock or ten thousand. A port's chain holds a rule for each part that
// the port has in a knock, for each family, and ends in a drop.
//
// The rules that move a knock stand last step first, so that one packet moves
// each thread of a knock by one step only, however often its port occurs.
package compiler
