// Package knockd makes policies from configurations of knockd, the port-knock
// daemon, and sections of a configuration from knocks ([Export]).
//
// A configuration has sections: [options], and one for each door. [Import] reads it as
// knockd does, line by line, and makes a knock of each door whose command it
// understands. For everything that a policy cannot express, there is a comment in the
// policy, and a finding with the line of the configuration. A door that cannot become a
// knock becomes a comment as a whole, so that the policy never has errors.
// spec/import.md has the details.
package knockd
