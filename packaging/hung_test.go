package packaging

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long a program may take, also one that builds releases on a busy machine.
const patience = 30 * time.Minute

// hungError says what processes there were when a program had not ended in time.
type hungError struct{ processes []process }

func (e *hungError) Error() string {
	text := "it has not ended in time, and was killed. There were these processes:\n"
	for _, p := range e.processes {
		text += fmt.Sprintf("%s\t%s\t%s\t%s\n", p.state, p.waits, p.network, p.command)
	}
	return text
}

// process is one as /proc has it.
type process struct {
	command string // with its arguments
	state   string // such as S, which sleeps, and D, which cannot be killed
	waits   string // where in the kernel, 0 if it runs or nobody may know
	network string // its namespace
}

// processes are all but those of the kernel. To read the command of one that cannot be killed
// may take forever.
func processes() (all []process) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		stat, _ := os.ReadFile(folder + "/stat")
		waits, _ := os.ReadFile(folder + "/wchan")
		network, _ := os.Readlink(folder + "/ns/net")
		name, after, _ := strings.Cut(string(stat), ") ") // the name may have spaces
		p := process{state: after[:min(1, len(after))], waits: string(waits), network: network}
		_, p.command, _ = strings.Cut(name, "(")
		if p.state != "D" && p.state != "Z" {
			command, _ := os.ReadFile(folder + "/cmdline")
			if len(command) == 0 {
				continue
			}
			p.command = strings.ReplaceAll(string(command), "\x00", " ")
		}
		all = append(all, p)
	}
	return all
}

// output runs a program that ends with its context, and returns all that it says. The error is
// a [hungError] if the context ended it. What it has started may go on.
func output(c *exec.Cmd) (string, error) {
	hung := new(hungError)
	c.Cancel = func() error {
		there := processes()
		err := c.Process.Kill()
		if err == nil {
			hung.processes = there
		}
		return err
	}
	c.WaitDelay = 10 * time.Second
	said, err := c.CombinedOutput()
	if hung.processes != nil {
		err = hung
	}
	return string(said), err
}

// outputOf is output for a program in this folder.
func outputOf(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return output(exec.CommandContext(ctx, program, args...))
}
