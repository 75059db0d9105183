// Package compiler turns a checked policy into an nf_tables program.
//
// The program, a [Ruleset], is the only intermediate form: sets, chains and
// rules whose instructions are small structs with one meaning each. It has
// several readers, which check one another: [Ruleset.WriteNFT] prints it for
// `nft -f` and [Ruleset.WriteJSON] for `nft -j -f`, [Ruleset.Load] sends it to the
// kernel, and package sim runs it on packets.
//
// # The machine
//
// A packet enters the base chain and meets its rules in order. A rule runs its
// instructions in order; an instruction either goes on, ends the packet's way
// with a verdict, leads to another chain, or breaks, which skips the rest of the
// rule and nothing else. Sets hold elements that time out; an update of a full set
// breaks. So a drop must never stand behind an update in the same rule.
//
// # The layout
//
// What a source has achieved is an element: its address and a state number, which
// stands for a knock and a step of it. The sets are shared by all knocks, so their
// number does not grow with the policy:
//
//	first4 first6                  sources that made a first step
//	steps4 steps6                  sources further on
//	closing_first4 closing_first6  sources that made the first step to shut a door
//	closing4 closing6              sources further on with that
//	grants4 grants6                sources for which a door is open
//
// First steps have sets of their own: a flood of them leaves those who are further
// on alone.
//
// The base chain, guard, accepts what is established, then sends each packet by one
// lookup of protocol and port to the chain of that port. So a packet to a port that
// no knock names meets the same rules whether there is one knock or ten thousand.
// A port's chain refuses what is no attempt, holds a rule for each part that the
// port has in a knock, for each family, and ends by refusing the rest. Single ports
// and ranges have a map each:
//
//	ports ports_ranges  the chain of a port
//	guarded             drops what comes back from there, or got lost, during a reload
//
// The rules that move a knock stand last step first, so that one packet moves
// each thread of a knock by one step only, however often its port occurs. Grants
// that end early, and progress that is reset, are deleted element by element in
// chains of the knock (ssh_ends_opening_grant).
//
// Some rules have to look at every knock: which of them does this attempt reset,
// which of them opens this port? A guard stands before those, an element that says
// that there may be something to find:
//
//	busy4 busy6    sources with progress that a wrong attempt resets
//	doors4 doors6  sources for which some door is open
//
// An element of a guard outlives what it speaks of, and is recorded first: if the
// guard is full, so is the door.
//
// # Chains
//
//	guard                   every packet
//	trusted                 from those who need not knock
//	attempt_tcp             refuses what is no attempt
//	any_resets, any_tcp     resets by attempts that go elsewhere
//	known_tcp               the same, by attempts at steps
//	pings, ping_84          echo requests, by length
//	tcp_22, udp_5000_5010   packets to a port, or to a range of them
//	tcp_22_let_in           ends grants that let in once
//	ssh_at_tcp_22           what a knock does whose `from` and `on` must admit it
//	ssh_ends_opening_grant  what of a knock ends before its time
//	undecided               the end of a `default drop` firewall
//	refuse                  answers of `refuse reject`
package compiler
