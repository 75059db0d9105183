// Package rehearse tries a policy beside this host's own firewall, in a copy of the host.
// Begin with [Run].
//
// The copy is a scratch network namespace. It gets the host's interfaces by their names,
// as TUN devices, with their indices, addresses and routes, the settings of the kernel that
// decide where a packet goes, and all tables of nf_tables except the policy's own. Then
// the policy is loaded there and raw packets are sent: by strangers, who must be refused,
// and by sources that knock, who must get in. A packet got in if a raw socket received it,
// behind all rules, or if it left the copy forwarded. The messages of nftrace say which
// rule decided.
//
// The copy ends with the process, and nothing else of the host is touched. No packet leaves
// it: what goes out by a TUN device is read here.
//
// What cannot be copied is named, and a check that may depend on it is not judged. It is
// never good.
package rehearse
