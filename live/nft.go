//go:build linux

package live

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// nftProgram finds nft, also where not every PATH looks. Only its text can say how much
// of an element's time is left.
func nftProgram() (string, error) {
	path, err := exec.LookPath("nft")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nft")
	}
	if err != nil {
		return "", errors.New("this needs the program nft: apt-get install nftables")
	}
	return path, nil
}

// List is what nft lists of a table, without one-time codes; empty if there is none.
func (h *kernel) List(name string) (string, error) {
	return steady(h, func() (string, error) { return nftList(name) })
}

func nftList(table string, flags ...string) (string, error) {
	out, err := nft("", append(flags, "list", "table", "inet", table)...)
	if err != nil && strings.Contains(err.Error(), "No such file or directory") {
		return "", nil
	}
	return withoutCodes(out), err
}

// TakesText is an error if nft is not there or has not the right to do anything.
func (h *kernel) TakesText() error {
	_, err := nft("", "list", "tables")
	return err
}

// LoadText has nft load a script.
func (h *kernel) LoadText(script string) error {
	_, err := nft(script, "-f", "-")
	return err
}

func nft(input string, args ...string) (string, error) {
	program, err := nftProgram()
	if err != nil {
		return "", err
	}
	var out, said bytes.Buffer
	c := exec.Command(program, args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &said
	runtime.LockOSThread() // the end of this thread ends nft
	defer runtime.UnlockOSThread()
	c.SysProcAttr = &syscall.SysProcAttr{
		Setsid:    true,            // a terminal that closes does not end it
		Pdeathsig: syscall.SIGKILL, // or it would load something without the lock
	}
	if err := c.Run(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", fmt.Errorf("nft: %w: %s", err, line)
	}
	return out.String(), nil
}
