// Package explore tries all packets of one source, in all orders and with all times between
// them, and looks for a difference between hosts: between compiled rules and their meaning,
// see [Prove], or between the rules of two policies, see [Search].
//
// It goes from state to state. A state is all that the hosts remember: elements of sets,
// what the model of package spec knows, flows, and spent codes. Two states are taken as one
// if the same is remembered in both, ends in the same order, and has as much time left
// compared with each of the policy's durations. In each state, each packet is tried, and time
// passes: to the middle before the next instant at which anything changes, and to
// that instant. These are the regions of a timed automaton (Alur and Dill, A theory
// of timed automata, 1994), except that differences between two times are not
// compared.
//
// For one source, a policy has few states, hundreds to some hundred thousands. If all are
// reached within the limit, no other order of these packets and no other times show
// anything new. Packets that are not tried are another matter: see packetsFor. So [Prove]
// also sends what stands beside everything that the policy names, from sources that do, and
// an attempt to every port. Left out are several sources at once, full sets, the ends of idle
// connections, and packets that the rules tell apart only if they were translated.
package explore
