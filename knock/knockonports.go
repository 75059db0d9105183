package knock

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// The file that KnockOnPorts imports and exports, an app for Android: its version 1, which
// the app reads since version 2.0 (in its source, package data.json). The app does not need
// the fields that are left out here.
type (
	knockOnPorts struct {
		Version   int        `json:"version"`
		Sequences []appKnock `json:"sequences"`
	}
	appKnock struct {
		Name     string    `json:"name"`
		Host     string    `json:"host"`
		Delay    int64     `json:"delay"`               // after each step, in milliseconds
		IPv      string    `json:"ipv"`                 // to which addresses of the host
		ICMPType string    `json:"icmp_type,omitempty"` // what icmp_size counts
		Steps    []appStep `json:"steps"`
	}
	appStep struct {
		Type      string `json:"type"`
		Port      uint16 `json:"port,omitempty"`
		ICMPSize  *int   `json:"icmp_size,omitempty"`
		ICMPCount int    `json:"icmp_count,omitempty"`
		Content   string `json:"content,omitempty"`
		Encoding  string `json:"encoding,omitempty"`
	}
)

// KnockOnPorts is the sequence as a file for the Android app of that name. If the host is
// a name, the app sends each step to an IPv4 and an IPv6 address of it. The title is what
// the app calls the knock. The error names a step with a
// code, which the app cannot make, or is about an address that the app cannot have.
func (s Sequence) KnockOnPorts(title, host string, delay time.Duration) (string, error) {
	knock := appKnock{Name: title, Host: host, Delay: delay.Milliseconds(), IPv: "both_ipv4_ipv6"}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", fmt.Errorf("KnockOnPorts cannot reach an address with a zone, such as %s", host)
		}
		knock.IPv = "only_ipv6"
		if addr.Unmap().Is4() {
			knock.IPv = "only_ipv4"
		}
	}
	if s.has(lang.Ping) {
		knock.ICMPType = "without_headers"
	}
	for i, step := range s.Steps {
		switch {
		case step.Code:
			return "", fmt.Errorf("KnockOnPorts cannot send step %d, %s", i+1, lang.Quote(step.String()))
		case step.Proto == lang.Ping:
			length := pingLength(step)
			knock.Steps = append(knock.Steps, appStep{Type: "icmp", ICMPSize: &length, ICMPCount: 1})
		case step.Proto == lang.UDP:
			// The app's datagrams are empty otherwise, and some firewalls drop those.
			knock.Steps = append(knock.Steps, appStep{Type: "udp", Port: step.Port, Content: "0a", Encoding: "hex"})
		default:
			knock.Steps = append(knock.Steps, appStep{Type: "tcp", Port: step.Port})
		}
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(knockOnPorts{Version: 1, Sequences: []appKnock{knock}})
	return strings.TrimSuffix(b.String(), "\n"), err
}
