package packaging

import (
	"archive/zip"
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/internal/golden"
)

// TestRelease makes a release of a tag in two clones, which must be the same, and looks at
// what is in it. The list in the Makefile has more platforms of the same kinds.
func TestRelease(t *testing.T) {
	need(t, "dpkg-deb", "git", "npm", "sha256sum", "tar", "zip")
	t.Setenv("PLATFORMS", "linux/amd64 linux/arm64 darwin/arm64 windows/amd64")
	first := clone(t)
	run(t, "git", "-C", first, "tag", "v0.9.8")
	second := filepath.Join(t.TempDir(), "a", "longer", "path")
	run(t, "git", "clone", "-q", first, second)

	release, again := t.TempDir(), t.TempDir()
	sums := run(t, first+"/packaging/release.sh", release)
	run(t, "sh", "-c", `cd "$1" && sha256sum --check --strict SHA256SUMS`, "sh", release)
	if diff := cmp.Diff(sums, run(t, second+"/packaging/release.sh", again)); diff != "" {
		t.Errorf("another clone makes other bytes (-first +second):\n%s", diff)
	}
	t.Run("files", func(t *testing.T) { checkReleased(t, release) })
	t.Run("version", func(t *testing.T) {
		folder := t.TempDir()
		run(t, "tar", "-C", folder, "-xf", release+"/knockc_0.9.8_linux_amd64.tar.gz")
		said := run(t, folder+"/knockc_0.9.8_linux_amd64/bin/knockc", "version")
		if !strings.HasPrefix(said, "knockc 0.9.8 (commit ") || strings.Contains(said, "with changes") {
			t.Error(said)
		}
	})
	t.Run("packages", func(t *testing.T) {
		checkPackages(t, release+"/knockc_0.9.8_amd64.deb", release+"/knockc_0.9.8_arm64.deb")
	})
	t.Run("changes", func(t *testing.T) {
		if err := os.WriteFile(second+"/left.go", nil, 0o666); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "dist")
		said := fails(t, second+"/packaging/release.sh", to)
		if _, err := os.Stat(to); err == nil || !strings.HasSuffix(said, "\n?? left.go\n") {
			t.Errorf("it made %s, and said: %s", to, said)
		}
	})
}

// checkReleased holds the files of a release, and what is in its archives, to
// testdata/release.txt, less the documents that a package has as well.
func checkReleased(t *testing.T, release string) {
	var all strings.Builder
	for _, file := range names(t, release+"/*") {
		all.WriteString(file + "\n")
		for _, line := range archived(t, filepath.Join(release, file)) {
			if !strings.Contains(line, " share/doc/knockc/") {
				all.WriteString("\t" + line + "\n")
			}
		}
	}
	if *golden.Update {
		if err := os.WriteFile("testdata/release.txt", []byte(all.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/release.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// archived lists what is in an archive, in a folder with the name of the archive.
func archived(t *testing.T, file string) []string {
	var all []string
	folder := regexp.MustCompile(`\.(tar\.gz|zip)$`).ReplaceAllString(filepath.Base(file), "/")
	switch filepath.Ext(file) {
	case ".gz":
		for line := range strings.Lines(run(t, "tar", "-tvf", file)) {
			fields := strings.Fields(line) // mode, owner, size, date, time, name
			all = append(all, fields[0]+" "+fields[1]+" "+strings.TrimPrefix(fields[5], folder))
		}
	case ".zip", ".vsix":
		archive, err := zip.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		for _, f := range archive.File {
			all = append(all, strings.TrimPrefix(f.Name, folder))
		}
	}
	return all
}

// checkPackages holds packages for two architectures to the same files. They differ in the
// command, and in what describes it.
func checkPackages(t *testing.T, amd64, arm64 string) {
	roots := map[string]string{amd64: t.TempDir(), arm64: t.TempDir()}
	for file, root := range roots {
		checkFiles(t, run(t, "dpkg-deb", "--contents", file))
		run(t, "dpkg-deb", "--raw-extract", file, root)
	}
	same := run(t, "sh", "-c", `diff -qr "$1" "$2" || true`, "sh", roots[amd64], roots[arm64])
	var different []string
	for line := range strings.Lines(same) {
		different = append(different, strings.TrimPrefix(strings.Fields(line)[1], roots[amd64]))
	}
	slices.Sort(different)
	if diff := cmp.Diff([]string{"/DEBIAN/control", "/DEBIAN/md5sums", "/usr/bin/knockc"}, different); diff != "" {
		t.Errorf("what differs (-want +got):\n%s", diff)
	}
	if got := run(t, "dpkg-deb", "--field", arm64, "Architecture"); got != "arm64\n" {
		t.Errorf("the package is for %s", got)
	}
	command, err := elf.Open(roots[arm64] + "/usr/bin/knockc")
	if err != nil {
		t.Fatal(err)
	}
	defer command.Close()
	if command.Machine != elf.EM_AARCH64 {
		t.Errorf("the command is for %s", command.Machine)
	}
}
