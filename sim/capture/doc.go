// Package capture reads captures: the packets that arrived at a host, and the packets
// with which it answered. Begin with [OpenFile].
//
// A capture is a file of tcpdump, Wireshark and similar programs. It is pcap
// (draft-ietf-opsawg-pcap) or pcapng (draft-ietf-opsawg-pcapng), as its first bytes
// say. It is a sequence of records, each of which holds one frame of some link type, or
// its beginning. Package pcapgo reads the records. From a record to a [sim.Packet],
// there are a link header, an IP header with options or extension headers, perhaps the
// reassembly of fragments, and a transport header:
//
//	record -> frame -> datagram -> segment -> towards the host, or from it
//
// Every record counts in exactly one place of [Stats]: it was a packet to or from the
// host, or another host that it forwards to, or it was left out for a [Reason]. The
// content of a record is never an error. Errors are about the structure of the file,
// and give the number of the record that could not be read.
//
// Checksums are ignored: captures on the sending machine show them before the network
// card has filled them in.
package capture
