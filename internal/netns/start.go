//go:build linux

package netns

import (
	"io"
	"os/exec"
)

// Start starts a command that the test talks to while it runs. The command's output ends
// when Wait is called.
func Start(t TB, c *exec.Cmd) (input io.WriteCloser, output io.ReadCloser) {
	t.Helper()
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err = c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return input, output
}
