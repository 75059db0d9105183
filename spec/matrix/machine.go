package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// mount is where the project is in a cell, and the name of its folder here.
const mount = "/src"

// machines run cells.
type machines struct {
	debian *debian
	tests  *built
	folder string
	kvm    bool // may be used

	processor []string // arguments of QEMU
}

// run runs the tests of the parts in a cell.
func (m *machines) run(ctx context.Context, c cell, parts []part) (row, error) {
	root, err := m.debian.root(ctx, c.root)
	if err != nil {
		return row{}, err
	}
	machine, start := "this", m.here
	if c.kernel != "running" {
		if machine, start, err = m.virtual(ctx, c.kernel); err != nil {
			return row{}, err
		}
	}
	parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		return c.unable && p.name != "examples" || machine == "tcg" && p.heavy
	})
	if c.old {
		parts = ofScripts(parts)
	}
	if err := os.WriteFile(filepath.Join(m.tests.folder, "tests"), []byte(m.tests.script(parts)), 0o666); err != nil {
		return row{}, err
	}
	log := filepath.Join(os.TempDir(), "matrix-"+c.kernel+"-"+c.root+".log")
	began := time.Now()
	if err := start(ctx, root, log); err != nil {
		return row{}, err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return row{}, err
	}
	r := readRow(string(text), parts, m.tests.names)
	r.cell, r.machine, r.log, r.took = c, machine, log, time.Since(began)
	return r, nil
}

// here runs the tests on the running kernel, in namespaces. When the first process ends,
// the kernel ends all others and removes the mounts. The root has to be a mount, since
// tests make namespaces of mounts.
func (m *machines) here(ctx context.Context, root, log string) error {
	src := filepath.Join(root, mount)
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	return shell(ctx, `unshare --mount --net --pid --fork --kill-child sh -ec 'mount --bind "$2" "$2"; mount --bind "$1" "$2$3"; exec env -i PATH="$PATH" chroot "$2" "$3/spec/matrix/init"' sh "$1" "$2" "$3" >"$4" 2>&1`,
		m.tests.folder, root, mount, log)
}

// The arguments of QEMU that say how the processor is made. The feature that is taken away
// from KVM is one that nested machines may tell of without having it.
var (
	withKVM  = []string{"-accel", "kvm", "-cpu", "host,arch-capabilities=off"}
	emulated = []string{"-accel", "tcg", "-cpu", "max"}
)

// accelerate decides once whether to use KVM. Where machines are nested, /dev/kvm may be
// there and hang. So a kernel has to come as far as to find no file system, after which
// the machine ends.
func (m *machines) accelerate(ctx context.Context, image string) {
	if m.processor != nil {
		return
	}
	m.processor = emulated
	if m.kvm && shell(ctx, `timeout 10 qemu-system-x86_64 -nodefaults -display none -no-reboot -m 512 -append panic=-1 -kernel "$@"`, append([]string{image}, withKVM...)...) == nil {
		m.processor = withKVM
	}
}

// longest is how long a machine may run.
const longest = time.Hour

// virtual returns what boots a release's kernel in a virtual machine and runs the tests there,
// and its kind: kvm or tcg.
func (m *machines) virtual(ctx context.Context, release string) (kind string, boot func(ctx context.Context, root, log string) error, err error) {
	kernel, err := m.debian.kernel(ctx, release)
	if err != nil {
		return "", nil, err
	}
	image, err := m.image(ctx, kernel)
	if err != nil {
		return "", nil, err
	}
	return m.processor[1], func(ctx context.Context, root, log string) error {
		initramfs, err := m.initramfs(ctx, root, kernel)
		if err != nil {
			return err
		}
		defer os.Remove(initramfs)
		ctx, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		args := append(m.arguments(image, initramfs, log), "-smp", "2")
		if out, err := exec.CommandContext(ctx, "qemu-system-x86_64", args...).CombinedOutput(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("qemu-system-x86_64: %w\n%s", err, out)
		}
		return nil
	}, nil
}

// image is the file of a kernel, of which it is then known how to run it.
func (m *machines) image(ctx context.Context, kernel string) (string, error) {
	image, err := find(kernel, "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")
	if err == nil {
		m.accelerate(ctx, image)
	}
	return image, err
}

// arguments are those of QEMU for a machine whose first process is init.
func (m *machines) arguments(image, initramfs, log string) []string {
	return append([]string{
		"-nodefaults", "-display", "none", "-no-reboot", "-m", "2048",
		"-kernel", image, "-initrd", initramfs,
		"-append", fmt.Sprintf("console=ttyS0 panic=-1 mitigations=off rdinit=%s/spec/matrix/init CONSOLE=/dev/ttyS1", mount),
		"-serial", "file:" + log + ".kernel", "-serial", "file:" + log,
	}, m.processor...)
}

// initramfs makes the file system of a virtual machine, of several archives, which the
// kernel takes one after the other.
func (m *machines) initramfs(ctx context.Context, root, kernel string) (string, error) {
	file := filepath.Join(m.folder, "initramfs")
	return file, shell(ctx, `archive() { find "$@" | cpio --quiet -o -H newc -R 0:0; }
		{ cd "$1"; archive . -path ./src -prune -o -print
		cd "$2"; archive lib/modules/
		cd "$3/.."; archive src; } >"$4"`, root, kernel, m.tests.folder, file)
}

// find returns the only file that one of the patterns matches.
func find(folder string, patterns ...string) (string, error) {
	var found []string
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join(folder, p))
		if err != nil {
			return "", err
		}
		found = append(found, files...)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the packages have %d kernels", len(found))
	}
	return found[0], nil
}
