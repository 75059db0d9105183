// Package knockd makes policies from configurations of knockd, the port-knock
// daemon.
//
// A configuration has sections: [options], and one for each door. [Import] reads
// it as knockd does, line by line, and makes a knock of each door whose command
// opens a service in a way that can be told. What a policy cannot say is said in
// a comment of the policy, and in a finding with the line of the configuration. A
// door that cannot be a knock becomes a comment as a whole, so that the policy is
// always one without errors. spec/import.md says what becomes what.
package knockd
