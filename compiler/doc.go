// Package compiler turns a checked policy into an nf_tables program. Begin with [Compile].
//
// The program, a [Ruleset], is the only intermediate form: sets, chains and
// rules whose instructions are small structs with one meaning each. It has
// several readers, which check one another: [Ruleset.WriteNFT] prints it for
// `nft -f`, Ruleset.Load, which exists on Linux alone, sends it to the kernel, and
// package sim runs it on packets.
//
// # The machine
//
// A packet enters a base chain and meets its rules in order. A rule runs its
// instructions in order. An instruction either goes on, ends the packet's way through
// the base chain with a verdict, leads to another chain, or breaks. Breaking skips only
// the rest of the rule. Sets hold elements that time out. An update of a full set
// breaks, so a rule never has a refusing verdict after an update.
//
// # The way of a packet
//
// There are three base chains. The guard sees every packet as its sender addressed it,
// before any translation. It moves knocks and decides about services. It leaves all
// other packets to the rest of the host. The other two chains are for packets that the
// guard could not judge. Arrived is for packets that the host receives at another
// address or port than the sender named, and it is the end of a `default drop`
// firewall. Forwarded is for packets that a translation sends to a service elsewhere,
// if a knock has `at`. With `hook input` there is only the guard, at the hook input.
//
//	guard      prerouting
//	  established             part of a connection, except SYNs and pings that may be attempts
//	  trusted                 from trusted sources
//	  any_resets ...          resets by attempts that go elsewhere (`reset any`)
//	  pings, ping_84          echo requests, by length
//	  steps_tcp, steps_udp    attempts at steps
//	    tcp_1001              what the steps of a port move
//	      known_tcp           resets by attempts at steps (`reset known`)
//	      ssh_admits_tcp_1001 counts attempts that `from` or `on` of one knock does not admit
//	        ssh_at_tcp_1001   what the others move, if the knock has `from`, `on` or `at`
//	  asked                   a service: is it of the host itself, or elsewhere by `at`?
//	    tcp_22                decides: `open`, packets that are not attempts, grants
//	      attempt_tcp         refuses packets that are not attempts
//	      tcp_22_let_in       ends grants with `once`
//	      let_in              notes sources that are let in
//	      refuse              answers of `refuse reject`
//	    tcp_22_asked          is the port guarded at this address?
//	    lost                  refuses packets that come back, except those to other hosts
//	arrived    input
//	  translated              packets that were addressed to another port or host
//	    named                 let in before, under the name that the sender gave?
//	  open_tcp_80             sources for which a service is open
//	  addressed               a service under its own name: decided before, if it is the host's
//	  undecided               the end of a `default drop` firewall
//	forwarded  forward
//	  translated_on           packets that were addressed to another port or host
//
// If a chain for the addresses of `at` differs from the one for the host itself, its
// name ends in _elsewhere.
//
// # The state
//
// The progress of a source is an element: its address and a state number, which
// identifies a knock and one of its steps. The sets are shared by all knocks, so their
// number does not grow with the policy:
//
//	first4 first6                  sources that made a first step
//	steps4 steps6                  sources that made a later step
//	closing_first4 closing_first6  sources that made the first step to shut a door
//	closing4 closing6              sources that made a later step to shut a door
//	grants4 grants6                sources for which a door is open
//	let_in4 let_in6                sources that were let in just now
//
// First steps have sets of their own, so a flood of them does not affect sources that
// are further on.
//
// The guard sends each packet by one lookup of protocol and port to the chain of that
// port. So a packet to a port that no knock names meets the same rules whether there is
// one knock or ten thousand. Single ports and ranges have a map each:
//
//	ports ports_ranges         where packets to a port go
//	steps_of_tcp steps_of_udp  where the steps of a port are done
//	services services_ranges   decisions about a service; services_at for services elsewhere
//	arrivals arrivals_ranges   the same for packets that the host receives
//	guarded                    catches packets to ranges that get lost during a reload, if
//	                           there are too many ranges for rules
//
// The rules that move a knock are in reverse order of its steps, so that one packet
// moves each try by only one step, however often its port occurs. If a grant ends early
// or progress is reset, chains of the knock delete the elements one by one
// (ssh_ends_opening_grant).
//
// Some rules have to look at every knock: which knocks does this attempt reset, which
// of many knocks opens this port? To avoid that, elements in two other sets, called
// guards, say that there may be something to find:
//
//	busy4 busy6    sources with progress that a wrong attempt resets
//	doors4 doors6  sources for which some door is open
//
// An element of a guard lives longer than the state that it stands for, and is made
// first: if there is no room in the guard, the door does not open either. An element
// for a door that does not end by itself is deleted from the guard with the last door
// (last_door_32_128).
//
// A step with a one-time code has a set of such codes, one for each knock (ssh_codes), for
// both families. The rule that leads from the port's chain to what the step moves spends
// the code: it breaks unless the datagram begins with a live one, and takes that out of the
// set. So a code is spent before it is asked who has sent it and whether there is room for
// progress. The ruleset has no codes: whoever loads it puts them into the sets.
//
// # The legend
//
// A loaded table does not contain its policy. Package live reads what it needs from the
// comments of rules, see [Legend], and from names, see [PointOf], [SetOf] and
// [StepsCounter].
package compiler
