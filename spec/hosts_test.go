package spec

import (
	"testing"

	"example.org/knockc/internal/netns"
)

// TestHostRulesOnKernel loads the rules that the documents show for other tables.
func TestHostRulesOnKernel(t *testing.T) {
	h := netns.New(t, "eth0")
	for _, name := range documents {
		_, blocks := readDocument(t, name)
		for _, b := range blocks {
			if b.kind != "nft" {
				continue
			}
			if err := h.Load(b.text); err != nil {
				t.Errorf("%s:%d: %v", name, b.line, err)
			}
		}
	}
}
