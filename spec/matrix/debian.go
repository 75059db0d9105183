package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// debian unpacks packages of Debian's releases.
type debian struct {
	folder  string
	unpacks map[string]string // the folders by what is unpacked there
}

func newDebian(folder string) *debian { return &debian{folder, map[string]string{}} }

// programs are the packages of a root file system: what the tests run.
var programs = []string{"bash", "coreutils", "dash", "grep", "iproute2", "iptables", "iputils-ping", "kmod", "mount", "nftables", "procps", "sed", "util-linux"}

// root is the folder of a release's root file system.
func (d *debian) root(ctx context.Context, release string) (string, error) {
	return d.once("root-"+release, func(folder string) error {
		apt, err := d.apt(ctx, release)
		if err != nil {
			return err
		}
		if _, err := apt.output(ctx, "apt-get", append([]string{"install", "-qq", "--download-only"}, programs...)...); err != nil {
			return err
		}
		if err := apt.unpack(ctx, folder); err != nil {
			return err
		}
		// So does Debian when the package is installed: iptables is iptables-nft.
		return shell(ctx, `cd "$1/usr/sbin"; for p in iptables-nft* ip6tables-nft*; do ln -s "$p" "$(echo "$p" | sed s/-nft//)"; done`, folder)
	})
}

// kernel is the folder of a release's kernel, with an index of its modules in
// lib/modules/VERSION.
func (d *debian) kernel(ctx context.Context, release string) (string, error) {
	return d.once("kernel-"+release, func(folder string) error {
		apt, err := d.apt(ctx, release)
		if err != nil {
			return err
		}
		packages, err := apt.kernelPackages(ctx, "linux-image-cloud-amd64")
		if err != nil {
			return err
		}
		if _, err := apt.output(ctx, "apt-get", append([]string{"download", "-qq"}, packages...)...); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(folder, "usr"), 0o777); err != nil {
			return err
		}
		if err := apt.unpack(ctx, folder); err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(folder, "lib")); err != nil {
			if err := os.Symlink("usr/lib", filepath.Join(folder, "lib")); err != nil {
				return err
			}
		}
		versions, err := os.ReadDir(filepath.Join(folder, "lib/modules"))
		if err != nil || len(versions) != 1 {
			return fmt.Errorf("%s has the modules of %d kernels: %w", strings.Join(packages, " "), len(versions), err)
		}
		return shell(ctx, `depmod -b "$1" "$2"`, folder, versions[0].Name())
	})
}

// once has a folder filled, unless it was before.
func (d *debian) once(name string, fill func(folder string) error) (string, error) {
	if folder := d.unpacks[name]; folder != "" {
		return folder, nil
	}
	folder := filepath.Join(d.folder, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	if err := fill(folder); err != nil {
		return "", err
	}
	d.unpacks[name] = folder
	return folder, nil
}

// apt is a state of apt's own in which only one release exists, and nothing is installed.
type apt struct {
	folder string
}

// apt returns a new state.
func (d *debian) apt(ctx context.Context, release string) (*apt, error) {
	folder, err := os.MkdirTemp(d.folder, "apt-"+release+"-")
	if err != nil {
		return nil, err
	}
	a := &apt{folder}
	mirror, err := mirror(ctx)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"status":       "",
		"sources.list": fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", mirror, release),
		"apt.conf": fmt.Sprintf(`Dir::Etc::SourceList "%[1]s/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "%[1]s";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s";
Dir::Cache::archives "%[1]s/archives";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
`, folder),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"archives/partial", "lists/partial"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o777); err != nil {
			return nil, err
		}
	}
	_, err = a.output(ctx, "apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any")
	return a, err
}

// mirror is where this machine gets Debian's packages from.
func mirror(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian").Output()
	if err != nil {
		return "", fmt.Errorf("apt-get indextargets: %w", err)
	}
	if first, _, found := strings.Cut(string(out), "\n"); found {
		return first, nil
	}
	return "http://deb.debian.org/debian", nil
}

// output runs a program where downloads go.
func (a *apt) output(ctx context.Context, program string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = filepath.Join(a.folder, "archives")
	c.Env = append(os.Environ(), "APT_CONFIG="+a.folder+"/apt.conf", "LC_ALL=C")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, &errs)
	}
	return string(out), nil
}

// kernelPackages are the packages that a package of a kernel is made of. The files of
// newer kernels are in several.
func (a *apt) kernelPackages(ctx context.Context, name string) ([]string, error) {
	packages := []string{name}
	for i := 0; i < len(packages); i++ {
		out, err := a.output(ctx, "apt-cache", "depends", packages[i])
		if err != nil {
			return nil, err
		}
		for _, m := range regexp.MustCompile(`(?m)^  Depends: (linux-(?:image|binary|modules)-.*)$`).FindAllStringSubmatch(out, -1) {
			if !slices.Contains(packages, m[1]) {
				packages = append(packages, m[1])
			}
		}
	}
	return packages, nil
}

// unpack unpacks what was downloaded. In newer releases base-files, which is first, makes
// /bin and so on symbolic links.
func (a *apt) unpack(ctx context.Context, folder string) error {
	packages, err := filepath.Glob(filepath.Join(a.folder, "archives/*.deb"))
	if err != nil || len(packages) == 0 {
		return fmt.Errorf("apt has downloaded nothing: %w", err)
	}
	for _, p := range packages {
		if _, err := a.output(ctx, "dpkg-deb", "-x", p, folder); err != nil {
			return err
		}
	}
	return os.RemoveAll(a.folder)
}
