package spec

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestSecurityPage: each promise of SECURITY.md names tests that there are.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(page, -1)
	if len(named) < 20 {
		t.Errorf("it names %d tests", len(named))
	}
	for _, name := range named {
		if err := exec.Command("grep", "-rq", "--include=*_test.go", "func "+string(name[1])+"(", "..").Run(); err != nil {
			t.Errorf("there is no %s", name[1])
		}
	}
}
