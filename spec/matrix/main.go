// Command matrix runs tests of this project on other kernels and with other versions of
// nft, as `make matrix` does, and writes what became of them as a table, spec/matrix.md.
//
// Kernels and programs are those of Debian's releases. apt downloads them, with a state
// of its own, and nothing is installed. A cell of the matrix is a kernel and a root file
// system with nft, ip and what else the tests run:
//
//   - debian.go downloads packages and unpacks them.
//   - tests.go says which tests show what, and builds them.
//   - machine.go boots a kernel in QEMU, or takes the running one, and runs the tests.
//     The script init is the first process there.
//   - result.go reads what the tests print. It takes a test that did not run for a
//     failure.
//   - power.go kills machines instead, with -power, and looks at what is left on their disk.
//
// It must be run as root, in the root of the project, on Debian for amd64. It needs the
// packages cpio, kmod and qemu-system-x86, and e2fsprogs for -power. With /dev/kvm it takes a
// quarter of the time.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// cell is a kernel and a root file system, each named after the release of Debian that
// it is from.
type cell struct {
	kernel string // or "running"
	root   string
	unable bool // its nft cannot load some scripts, as meaning.md says: it shows which, and may fail
	old    bool // its kernel is older than knockc apply needs
}

func (c cell) name() string { return c.kernel + "/" + c.root }

var cells = []cell{
	{kernel: "bullseye", root: "bullseye", unable: true},
	{kernel: "bullseye", root: "forky", old: true},
	{kernel: "bookworm", root: "bookworm"},
	{kernel: "trixie", root: "trixie"},
	{kernel: "forky", root: "bookworm", unable: true},
	{kernel: "forky", root: "forky"},
	{kernel: "running", root: "bullseye", unable: true},
	{kernel: "running", root: "bookworm"},
	{kernel: "running", root: "trixie"},
	{kernel: "running", root: "forky"},
}

func main() {
	selected := flag.String("cells", "", "run these `cells` alone: KERNEL or KERNEL/ROOT, each a release of Debian, or running")
	columns := flag.String("parts", "", "run these `parts` alone: "+strings.Join(partNames(), ", "))
	write := flag.String("write", "", "write the rows into this `file`")
	kvm := flag.Bool("kvm", true, "use /dev/kvm if it works")
	cuts := flag.Int("power", 0, "instead of the cells, cut the power of a machine so `often`")
	seed := flag.Uint64("seed", 0, "what the moments of -power are drawn from; 0 draws one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := func() error { return run(ctx, strings.Fields(*selected), strings.Fields(*columns), *write, *kvm) }
	if *cuts > 0 {
		work = func() error { return cutPower(ctx, *cuts, *seed, *kvm) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, selected, columns []string, file string, kvm bool) error {
	chosen, err := choose(selected)
	if err != nil {
		return err
	}
	parts, err := chooseParts(columns)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	m := &machines{debian: newDebian(folder), folder: folder, kvm: kvm}
	if m.tests, err = build(ctx, filepath.Join(folder, mount), parts); err != nil {
		return err
	}
	var rows []row
	var failed []string
	for _, c := range chosen {
		r, err := m.run(ctx, c, parts)
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		fmt.Println(r)
		rows = append(rows, r)
		if file != "" {
			if err := update(file, rows); err != nil {
				return err
			}
		}
		if r.failed() && !c.unable {
			failed = append(failed, c.name())
		}
	}
	fmt.Print("\n", table(rows))
	if failed != nil {
		return fmt.Errorf("these cells failed: %s", strings.Join(failed, " "))
	}
	return nil
}

// choose returns the cells that the words name, or all.
func choose(words []string) ([]cell, error) {
	if len(words) == 0 {
		return cells, nil
	}
	var chosen []cell
	for _, word := range words {
		is := func(c cell) bool { return word == c.name() || word == c.kernel }
		if !slices.ContainsFunc(cells, is) {
			return nil, fmt.Errorf("there is no cell %s", word)
		}
		for _, c := range cells {
			if is(c) && !slices.Contains(chosen, c) {
				chosen = append(chosen, c)
			}
		}
	}
	return chosen, nil
}
