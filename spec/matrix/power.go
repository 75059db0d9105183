package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// powerRelease is the release of Debian whose kernel and programs the machine has.
const powerRelease = "bookworm"

// lives are what the machine does: a test that goes on until the power fails.
var lives = part{name: "power", tests: []tests{
	{folder: "cmd/knockc", match: "^TestUntilPowerFails$", args: "-disk /disk -record /dev/vdb"},
}}

// mountDisk comes before that.
const mountDisk = "modprobe -a virtio_pci virtio_blk ext4\nmkdir /disk\nmount -t ext4 /dev/vda /disk || exit\n"

// span is the time from a boot in which a moment is drawn.
const span = 20 * time.Second

// station is a machine with two disks: one with files that must outlive a power cut, and one
// on which the machine notes what it does.
type station struct {
	command      []string
	disk, record string
	log          string
}

// cutPower kills a machine at random moments, and boots it again on the same disk. Each life
// checks what the lives before have left, and the last one is killed only after that.
func cutPower(ctx context.Context, cuts int, seed uint64, kvm bool) error {
	if seed == 0 {
		seed = rand.Uint64()
	}
	fmt.Printf("for these moments again: -power %d -seed %d\n", cuts, seed)
	folder, err := os.MkdirTemp("", "power-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	s, err := newStation(ctx, &machines{debian: newDebian(folder), folder: folder, kvm: kvm})
	if err != nil {
		return err
	}
	chance := rand.New(rand.NewPCG(seed, 0))
	did := map[string]int{}
	for n := 1; n <= cuts; n++ {
		after := time.Duration(chance.Int64N(int64(span)))
		life, err := s.live(ctx, n, "boots", after)
		if err != nil {
			return err
		}
		did[doing(life)]++
		fmt.Printf("power cut %d, after %.1f s: %s\n", n, after.Seconds(), doing(life))
	}
	if _, err := s.live(ctx, cuts+1, "whole", 0); err != nil {
		return err
	}
	notes := s.notes()
	fmt.Printf("%d power cuts, while the machine did %v\n", cuts, did)
	fmt.Printf("%d boots found everything whole, the last with %d used codes; failures: 0\n", count(notes, "whole"), count(notes, "used"))
	return nil
}

// newStation builds what the machine needs.
func newStation(ctx context.Context, m *machines) (s *station, err error) {
	parts := []part{lives}
	if m.tests, err = build(ctx, filepath.Join(m.folder, mount), parts); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(m.tests.folder, "tests"), []byte(mountDisk+m.tests.script(parts)), 0o666); err != nil {
		return nil, err
	}
	root, err := m.debian.root(ctx, powerRelease)
	if err != nil {
		return nil, err
	}
	kernel, err := m.debian.kernel(ctx, powerRelease)
	if err != nil {
		return nil, err
	}
	image, err := m.image(ctx, kernel)
	if err != nil {
		return nil, err
	}
	initramfs, err := m.initramfs(ctx, root, kernel)
	if err != nil {
		return nil, err
	}
	s = &station{disk: filepath.Join(m.folder, "disk"), record: filepath.Join(m.folder, "record"), log: filepath.Join(os.TempDir(), "power.log")}
	s.command = append([]string{"qemu-system-x86_64"}, m.arguments(image, initramfs, s.log)...)
	s.command = append(s.command, "-smp", "1") // the test wants packets in the order in which it sends them
	for _, file := range []string{s.disk, s.record} {
		s.command = append(s.command, "-drive", "if=virtio,format=raw,file="+file)
	}
	return s, shell(ctx, `mkfs.ext4 -q "$1" 64M && truncate -s 1M "$2"`, s.disk, s.record)
}

// live boots the machine for the nth time, and cuts its power some time after it has noted a
// word. It returns what the machine has noted in that life.
func (s *station) live(ctx context.Context, n int, word string, after time.Duration) (life []string, err error) {
	ctx, cut := context.WithTimeout(ctx, longest)
	defer cut()
	c := exec.CommandContext(ctx, s.command[0], s.command[1:]...) // which SIGKILL ends
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var due <-chan time.Time
	for waiting := true; waiting; {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("after power cut %d, the machine ended by itself (%v): see %s\n%s", n-1, err, s.log, &said)
		case <-due:
			waiting = false
		case <-time.After(50 * time.Millisecond):
			if life = since(s.notes(), n); due == nil && slices.Contains(life, word) {
				due = time.After(after)
			}
		}
	}
	cut()
	<-ended
	if life = since(s.notes(), n); slices.Contains(life, "failed") {
		return nil, fmt.Errorf("after power cut %d, the test failed: see %s", n-1, s.log)
	}
	return life, nil
}

// notes are what the machine has noted. The rest of the file is zero, and the last line may
// be half there.
func (s *station) notes() []string {
	text, _ := os.ReadFile(s.record)
	return strings.Split(string(text[:max(0, bytes.LastIndexByte(text, '\n'))]), "\n")
}

// since are the notes from the nth boot on.
func since(notes []string, n int) []string {
	for i, note := range notes {
		if note == "boots" {
			n--
		}
		if n == 0 {
			return notes[i:]
		}
	}
	return nil
}

// doing is what the machine did at the end of a life.
func doing(life []string) string {
	if !slices.Contains(life, "whole") {
		return "check"
	}
	return strings.TrimRight(life[len(life)-1], " 0123456789")
}

func count(notes []string, word string) int {
	n := 0
	for _, note := range notes {
		if first, _, _ := strings.Cut(note, " "); first == word {
			n++
		}
	}
	return n
}
