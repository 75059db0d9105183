package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestNew: whatever ports are drawn, check finds nothing in a new policy, and its tests hold,
// also after other ports were drawn.
func TestNew(t *testing.T) {
	knockc := func(args ...string) string {
		t.Helper()
		var out, errOut bytes.Buffer
		if status := run(args, strings.NewReader(""), &out, &errOut); status != exitOK || errOut.Len() > 0 {
			t.Errorf("%q: %d\n%s%s", args, status, &out, &errOut)
		}
		return out.String()
	}
	for i := range 60 {
		file := filepath.Join(t.TempDir(), "new.knock")
		base := strings.TrimSuffix(file, ".knock")
		args := []string{"new", "-o", file, "-steps", fmt.Sprint(2 + i%11)}
		if i%5 == 4 {
			args = []string{"new", "-o", file, "-otp"}
		}
		knockc(append(args, "door", "22", "udp/1000-9000")...)
		if said := knockc("check", "-strict", file, base+".trace"); said != "" {
			t.Errorf("check says\n%s", said)
		}
		knockc("sim", "-quiet", "-strict", "-min-cover", "100", base+".trace")
		if i%5 != 4 {
			knockc("new", "-rotate", file, "door")
			if said := knockc("check", "-strict", file); said != "" {
				t.Errorf("check says after new ports\n%s", said)
			}
		}
	}
}
