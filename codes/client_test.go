package codes_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"example.org/knockc/codes"
)

// TestDocumentedCode: client.md has a code to test other clients with.
func TestDocumentedCode(t *testing.T) {
	text, err := os.ReadFile("../spec/client.md")
	if err != nil {
		t.Fatal(err)
	}
	var key codes.Key
	for i := range key {
		key[i] = byte(i)
	}
	if code := fmt.Sprintf("`%x`", key.Of("ssh", 0).Code()); !strings.Contains(string(text), code) {
		t.Errorf("client.md does not have the code %s", code)
	}
}
