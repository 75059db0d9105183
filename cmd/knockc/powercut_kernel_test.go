//go:build linux

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
)

var (
	disk   = flag.String("disk", "", "a folder on the disk of a machine whose power will be cut")
	record = flag.String("record", "", "a block device on which the machine notes what it does")
)

// TestUntilPowerFails is one life of a machine whose power `make power` cuts. At first, the
// files are whole, the commands of the units load the policy, and no used code opens the door
// again. Then the test uses more codes, and writes the files in turn, until the power fails.
func TestUntilPowerFails(t *testing.T) {
	if *disk == "" {
		t.Skip("this runs in the machines of `make power`")
	}
	l := newLife(t)
	l.starts()
	if l.known["lives"] == nil {
		l.notes("lives") // from here on, all files must be there
	}
	l.opensOnce()
	l.notes("whole")
	for turn := 0; ; turn++ {
		l.puts(l.rules, l.texts[1+turn%2])
		l.writes("fmt -w", l.writers()[1])
		l.writes("refill", l.writers()[0])
		l.notes("used %d", l.next-1) // so the disk has to say from now on
		l.recorded = append(l.recorded, l.code(l.next-1))
		l.writes("apply", l.writers()[2])
		l.opensOnce()
	}
}

// life is a boot of a machine. It notes what it does on a second disk, where a note is
// written before the next thing is done.
type life struct {
	*durable
	paper *os.File
	known map[string][]int64 // what earlier lives have noted, with the numbers
	next  int64              // the period of the next code
}

func newLife(t *testing.T) *life {
	l := &life{known: map[string][]int64{}, next: codes.Period(time.Now(), 30*time.Second) + 500} // in hours
	l.reads(t)
	a := newAdversary(t)
	a.Host.Run(t, "nft", "flush", "ruleset")
	a.Host.Run(t, "nft", quietPort)
	a.state = *disk
	t.Setenv("KNOCKC_STATE", *disk)
	key := filepath.Join(*disk, "ssh.key")
	l.durable = newDurable(a, key,
		func(args ...string) *exec.Cmd { return a.Host.Command(t.Context(), args...) },
		func(file string) string { return file })
	l.notes("boots")
	t.Cleanup(func() {
		if t.Failed() {
			l.notes("failed")
		}
	})
	if l.known["lives"] == nil {
		os.Remove(key)
		l.runs("knockc", "key", key)
		l.puts(l.rules, l.texts[0])
	} else {
		l.isWhole()
	}
	var err error
	if l.key, err = codes.ReadKey(key); err != nil {
		t.Fatal(err)
	}
	for _, period := range l.known["used"] {
		l.recorded = append(l.recorded, l.code(period))
	}
	for _, period := range l.known["sends"] {
		l.next = max(l.next, period+1)
	}
	return l
}

// reads reads the notes. The last line may be half there.
func (l *life) reads(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(*record)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var number int64
		fmt.Sscan(rest, &number)
		l.known[word] = append(l.known[word], number)
	}
	if l.paper, err = os.OpenFile(*record, os.O_WRONLY|unix.O_SYNC, 0); err == nil {
		_, err = l.paper.Seek(int64(len(text)), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.paper.Close() })
}

func (l *life) notes(format string, args ...any) {
	l.Helper()
	if _, err := fmt.Fprintf(l.paper, format+"\n", args...); err != nil {
		l.Fatal(err)
	}
}

func (l *life) code(period int64) []byte {
	mac := l.key.Of("ssh", period)
	return mac[:]
}

// writes runs a command that writes on the disk.
func (l *life) writes(name string, command []string) {
	l.Helper()
	l.notes("runs %s", name)
	l.runs(command...)
}

// puts writes a file as a careful editor does.
func (l *life) puts(file, text string) {
	l.Helper()
	l.notes("edits")
	beside := file + "~"
	f, err := os.Create(beside)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Sync(), f.Close(), os.Rename(beside, file))
	}
	if err != nil {
		l.Fatal(err)
	}
}

// opensOnce replays all used codes and then sends the next one, which alone must open the
// door. The machine has one processor, so the replays arrive first.
func (l *life) opensOnce() {
	l.Helper()
	before := l.opened()
	l.notes("sends %d", l.next)
	l.replaysOnce()
	l.sends("udp4", "192.0.2.1:62201", l.next)
	l.waitFor(l.T, "the door", func() bool { return l.opened() > before })
	if n := l.opened() - before; n != 1 {
		l.Fatalf("%d of %d used codes opened again", n-1, len(l.recorded))
	}
	l.next++
}
