// Package explore tries the packets of one source, in all orders, on all sides of every
// deadline, and looks for a difference between hosts: between compiled rules and their meaning,
// see [Prove], or between the rules of two policies, see [Search].
//
// It goes from state to state. A state is all that the hosts remember: elements of sets,
// what the model of package spec knows, flows, and spent codes. Two states are taken as one
// if the same is remembered in both, has as much time left compared with each of the policy's
// durations, and comes to the next one, or to its end, in the same order. In each state, each
// packet is tried, and time passes: to the middle before the next instant at which anything
// changes, and to that instant. If all durations are multiples of the shortest, without a gap,
// these are the regions of a timed automaton (R. Alur, D. Dill, A theory of timed automata,
// 1994), and states that are taken as one have the same future. Else they may differ in which
// of two deadlines comes first later on.
//
// For one source, a policy has few states, hundreds to some hundred thousands. If the limit ends
// the search before all are reached, what a client does has been tried all the same: it knocks,
// at once and as late as it may, with everything beside that. Packets that are not tried are
// another matter: see packetsFor. So [Prove] also sends what stands beside everything that
// the policy names, from sources that do; attempts from neighbours in turn; and an attempt to
// every port. Left out are full sets, the ends of idle connections, and packets that the rules
// tell apart only if they were translated.
package explore
