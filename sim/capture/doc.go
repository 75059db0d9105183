// Package capture reads the packets that arrived at a host, and those with which
// it answered, from captures.
//
// A capture is a file of tcpdump, Wireshark and the like, pcap
// (draft-ietf-opsawg-pcap) or pcapng (draft-ietf-opsawg-pcapng), whichever its
// first bytes say. It is a sequence of records, each of which holds one frame of
// some link type, or its beginning. Package pcapgo reads the records. On the way
// from a record to a [sim.Packet] stand a link header, an IP header with options
// or extension headers, perhaps the reassembly of fragments, and a transport
// header:
//
//	record -> frame -> datagram -> segment -> towards the host, or from it
//
// Every record ends up in exactly one place of [Stats]: it was a packet to or
// from the host, or another to which the host forwards, or it was left out for a
// [Reason]. Nothing that a record holds is an error; errors are about the file's own
// structure, and carry the number of the record that could not be read.
//
// Checksums are not looked at: captures on the sending machine show them before
// the network card has filled them in.
package capture
