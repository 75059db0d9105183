// Package compiler turns a checked policy into an nf_tables program.
//
// The program, a [Ruleset], is the only intermediate form: sets, chains and
// rules whose instructions are small structs with one meaning each. It has
// several readers, which check one another: [Ruleset.WriteNFT] prints it for
// `nft -f`, [Ruleset.Load] sends it to the kernel, and package sim runs it on
// packets.
//
// # The machine
//
// A packet enters a base chain and meets its rules in order. A rule runs its
// instructions in order; an instruction either goes on, ends the packet's way
// through the base chain with a verdict, leads to another chain, or breaks, which
// skips the rest of the rule and nothing else. Sets hold elements that time out; an
// update of a full set breaks. So a verdict that refuses never stands after an update
// in the same rule.
//
// # The way of a packet
//
// There are three base chains. The guard sees every packet as its sender addressed it,
// before any translation; it moves knocks, and decides about services. What it does not
// decide it leaves to the rest of the host. The other two only look at what the guard
// could not see: arrived is for packets that the host receives under another name than
// the sender gave them, and is the end of a `default drop` firewall; forwarded is for
// packets that a translation sends to a service elsewhere, if a knock has `at`. With
// `hook input` there is the guard alone, at the hook input.
//
//	guard      prerouting
//	  established             part of a connection, less SYNs and pings that may be attempts
//	  trusted                 from those who need not knock
//	  any_resets ...          resets by attempts that go elsewhere (`reset any`)
//	  pings, ping_84          echo requests, by length
//	  steps_tcp, steps_udp    attempts at steps
//	    tcp_1001              what the steps of a port move
//	      known_tcp           resets by attempts at steps (`reset known`)
//	      ssh_at_tcp_1001     the same for one knock, if its `from`, `on` or `at` must admit it
//	  asked                   a service: is it of the host itself, or elsewhere by `at`?
//	    tcp_22                decides: `open`, what is no attempt, grants
//	      attempt_tcp         refuses what is no attempt
//	      tcp_22_let_in       ends grants that let in once
//	      let_in              notes who is let in
//	      refuse              answers of `refuse reject`
//	    tcp_22_asked          is the address one that the port is guarded at?
//	    lost                  refuses what comes back, and leaves alone what goes on to others
//	arrived    input
//	  translated              was addressed to another port or host
//	    named                 let in before under the name that its sender gave?
//	  open_tcp_80             those to whom a service is open
//	  addressed               a service under its own name: decided before, if the host's
//	  undecided               the end of a `default drop` firewall
//	forwarded  forward
//	  translated_on           was addressed to another port or host
//
// Chains that do something for the addresses of `at`, where it is done otherwise for the
// host itself, end in _elsewhere.
//
// # The state
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
//	let_in4 let_in6                sources that were let in just now
//
// First steps have sets of their own: a flood of them leaves those who are further
// on alone.
//
// The guard sends each packet by one lookup of protocol and port to the chain of that
// port. So a packet to a port that no knock names meets the same rules whether there is
// one knock or ten thousand. Single ports and ranges have a map each:
//
//	ports ports_ranges         where packets to a port go
//	steps_of_tcp steps_of_udp  where its steps are done
//	services services_ranges   where it is decided about a service; services_at elsewhere
//	arrivals arrivals_ranges   the same for what the host receives
//	guarded                    catches packets to ranges that get lost during a reload, if
//	                           they are too many for rules
//
// The rules that move a knock stand last step first, so that one packet moves
// each thread of a knock by one step only, however often its port occurs. Grants
// that end early, and progress that is reset, are deleted element by element in
// chains of the knock (ssh_ends_opening_grant).
//
// Some rules have to look at every knock: which of them does this attempt reset,
// which of many opens this port? A guard stands before those, an element that says
// that there may be something to find:
//
//	busy4 busy6    sources with progress that a wrong attempt resets
//	doors4 doors6  sources for which some door is open
//
// An element of a guard outlives what it speaks of, and is recorded first: if the
// guard is full, so is the door. What does not end by itself is taken out of the guard
// with the last door (last_door_32_128).
//
// # The legend
//
// A loaded table has no policy beside it. What package live knows of it is in the comments
// of rules, see [Legend], and in names, see [PointOf], [SetOf] and [StepsCounter].
package compiler
