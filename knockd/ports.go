package knockd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

type portRange struct{ first, last uint16 }

// readPorts reads ports and ranges between commas; dash is what stands in a range.
func readPorts(text, dash string) (ports []portRange, problem string) {
	for part := range strings.SplitSeq(text, ",") {
		low, high, ranged := strings.Cut(part, dash)
		if !ranged {
			high = low
		}
		first, wrong1 := lang.ParsePort(low)
		last, wrong2 := lang.ParsePort(high)
		if wrong1 != "" || wrong2 != "" || first > last {
			return nil, fmt.Sprintf("%s is neither a port number nor a range", lang.Quote(part))
		}
		ports = append(ports, portRange{first, last})
	}
	return ports, ""
}

// protocols reads a protocol by its name or number.
func protocols(text string) (protos []lang.Proto, problem string) {
	switch strings.ToLower(text) {
	case "tcp", "6":
		return []lang.Proto{lang.TCP}, ""
	case "udp", "17":
		return []lang.Proto{lang.UDP}, ""
	}
	return nil, fmt.Sprintf("%s is neither tcp nor udp", lang.Quote(text))
}

// sorted are the services in order, each once.
func sorted(services []lang.Service) []lang.Service {
	slices.SortFunc(services, func(a, b lang.Service) int {
		return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	return slices.Compact(services)
}
