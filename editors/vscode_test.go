package editors_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVSCode uses what is in the .vsix, in an editor without windows: node, with as much of
// the module vscode as the language client needs.
func TestVSCode(t *testing.T) {
	needNode(t)
	v := vscode{unpackExtension(t)}
	t.Run("files", v.files)
	t.Run("findings", v.findings)
	t.Run("verdicts", v.verdicts)
	t.Run("formatting", v.formatting)
	t.Run("untitled", v.untitled)
	t.Run("no command", v.noCommand)
	t.Run("restart", v.restart)
}

func needNode(t *testing.T) {
	t.Helper()
	for _, program := range []string{"node", "npm", "zip"} {
		need(t, program)
	}
}

// vscode is an extension in a folder.
type vscode struct{ extension string }

// unpackExtension builds the extension, and unpacks it as VS Code does.
func unpackExtension(t *testing.T) string {
	// The go command runs a test again if what is in a folder that it has read changes.
	for _, folder := range []string{"vscode", "vscode/src", "vscode/syntaxes", "vscode/test", "../packaging"} {
		if _, err := os.ReadDir(folder); err != nil {
			t.Fatal(err)
		}
	}
	built, unpacked := t.TempDir(), t.TempDir()
	if out, err := exec.Command("../packaging/vsix.sh", built).CombinedOutput(); err != nil {
		t.Fatalf("vsix.sh: %v\n%s", err, out)
	}
	files, err := filepath.Glob(built + "/knockc-*.vsix")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	archive, err := zip.OpenReader(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := os.CopyFS(unpacked, archive); err != nil {
		t.Fatal(err)
	}
	return unpacked + "/extension"
}

// run runs a program with the extension; test/run.js says what the program may use.
func (v vscode) run(t *testing.T, dir, program string, result any, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "vscode/test/run.js", v.extension, dir, program)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// files holds the extension to what belongs into it: what its manifest names, and a licence
// of each module in the bundle.
func (v vscode) files(t *testing.T) {
	var files []string
	err := fs.WalkDir(os.DirFS(v.extension), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"LICENSE", "README.md", "THIRD_PARTY_LICENSES", "extension.js", "language-configuration.json",
		"package.json", "syntaxes/knock.tmLanguage.json", "syntaxes/knocktrace.tmLanguage.json",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var manifest struct{ Version string }
	readJSON(t, v.extension+"/package.json", &manifest)
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(manifest.Version) {
		t.Errorf("its version is %s", manifest.Version)
	}
	licences, err := os.ReadFile(v.extension + "/THIRD_PARTY_LICENSES")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct{ Packages map[string]struct{ Dev bool } }
	readJSON(t, "vscode/package-lock.json", &lock)
	for path, module := range lock.Packages {
		name, isModule := strings.CutPrefix(path, "node_modules/")
		if isModule && !module.Dev && !strings.Contains("\n"+string(licences), "\n"+name+"\n\n") {
			t.Errorf("there is no licence of %s:\n%s", name, licences)
		}
	}
}

func (v vscode) findings(t *testing.T) {
	s := session{dir: t.TempDir()}
	s.write(t, "ssh.knock", "knock ssh <\n\t1000 2000 -> 22\n\twihtin 5s\n\treset any\n>\n")
	const program = `
		await editor.start();
		const document = editor.open("ssh.knock");
		const wrong = await editor.found(document);
		editor.type(document, "wihtin", "within");
		const { Error, Warning } = vscode.DiagnosticSeverity;
		const right = () => seen.diagnostics.get(document.uri.toString());
		await editor.until(() => right().every((finding) => finding.severity > Warning)); // what is wrong may be told twice
		const { range, severity, message } = wrong[0];
		return [severity === Error, range.start.line, range.start.character, message,
			seen.messages];`
	var got []any
	v.run(t, s.dir, program, &got)
	want := []any{true, 2.0, 1.0, "unknown clause `wihtin`\nhint: did you mean `within`?", []any{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func (v vscode) verdicts(t *testing.T) {
	s := session{dir: t.TempDir()}
	s.write(t, "ssh.knock", "knock ssh < 1000 2000 -> 22 within 5s reset any >\n")
	s.write(t, "ssh.trace", "policy ssh.knock\n0s  192.0.2.7 -> 1000\n+1s 192.0.2.7 -> 3000\n+0s 192.0.2.7 -> 22 => accept\n")
	const program = `
		await editor.start();
		const policy = editor.open("ssh.knock"), trace = editor.open("ssh.trace");
		const failed = await editor.found(trace);
		const before = await editor.hints(trace);
		editor.type(policy, "2000", "3000");
		const left = () => seen.diagnostics.get(trace.uri.toString());
		await editor.until(() => left().length === 0); // what failed may be told twice
		const after = await editor.hints(trace);
		const labels = (hints) => hints.map((hint) => hint.position.line + " " + hint.label);
		return [failed.map((finding) => finding.range.start.line), labels(before), left(), labels(after)];`
	var got []any
	v.run(t, s.dir, program, &got)
	want := []any{
		[]any{3.0},
		[]any{"1 pass  ssh 1/2 until 5s", "2 pass  ssh reset", "3 drop"},
		[]any{},
		[]any{"1 pass  ssh 1/2 until 5s", "2 pass  ssh open until 11s", "3 accept"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func (v vscode) formatting(t *testing.T) {
	const program = `
		await editor.start();
		const document = editor.open(FILE);
		await editor.until(() => seen.providers.DocumentFormattingEdit);
		return [await editor.format(document), vscode.workspace.getConfiguration("editor", document).get("formatOnSave")];`
	for _, test := range saved {
		s := session{dir: t.TempDir()}
		text := strings.TrimPrefix(test.text, "\uFEFF") // VS Code keeps it to itself
		s.write(t, test.file, text)
		name, err := json.Marshal(test.file)
		if err != nil {
			t.Fatal(err)
		}
		var got []any
		v.run(t, s.dir, strings.ReplaceAll(program, "FILE", string(name)), &got)
		if diff := cmp.Diff([]any{test.want, true}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.file, diff)
		}
	}
}

// untitled types into a document that has no file, of a language that was chosen.
func (v vscode) untitled(t *testing.T) {
	const program = `
		await editor.start();
		const found = await editor.found(editor.create("knocktrace", "0s 192.0.2.7 -> 22 nul\n"));
		return found.map((finding) => finding.message);`
	var got []string
	v.run(t, t.TempDir(), program, &got)
	if len(got) == 0 || !strings.Contains(got[0], "`nul`") {
		t.Error(got)
	}
}

// noCommand starts the extension with no knockc in the PATH, but one in the open folder, which
// may be anyone's. Then the setting says where there is none, one that has no server, and one
// that has.
func (v vscode) noCommand(t *testing.T) {
	s := session{dir: t.TempDir()}
	s.write(t, "ssh.knock", "knock")
	for _, name := range []string{"knockc", "old"} {
		s.write(t, name, "#!/bin/sh\nexit 2\n")
		if err := os.Chmod(filepath.Join(s.dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	const program = `
		process.chdir(process.env.FOLDER);
		const document = editor.open("ssh.knock");
		const said = async () => {
			await editor.until(() => seen.messages.length > 0);
			return seen.messages.splice(0).map((said) => said.message + " [" + said.choices + "]");
		};
		await editor.start();
		const missing = await said();
		editor.set("knockc.path", "/nonsense/knockc");
		const wrong = await said();
		editor.set("knockc.path", process.env.OLD);
		const old = await said();
		editor.set("knockc.path", process.env.KNOCKC);
		const found = await editor.found(document);
		return [missing, wrong, old, found.length > 0, seen.messages];`
	knockc, err := exec.LookPath("knockc")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if err := os.Symlink(node, programs+"/node"); err != nil {
		t.Fatal(err)
	}
	const then = ` Then run “knockc: Restart Server”. [Open Settings]`
	want := []any{
		[]any{"The command knockc is not in the PATH. Install it, or say in the setting knockc.path where it is." + then},
		[]any{"The setting knockc.path says /nonsense/knockc, but there is no such command." + then},
		[]any{s.dir + "/old has no language server. Install a newer version of knockc." + then},
		true,
		[]any{},
	}
	var got []any
	v.run(t, s.dir, program, &got, "PATH="+programs+":.:", "FOLDER="+s.dir, "OLD="+s.dir+"/old", "KNOCKC="+knockc)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// restart lets the command end the server and start another, which knows the documents.
func (v vscode) restart(t *testing.T) {
	s := session{dir: t.TempDir()}
	s.write(t, "ssh.knock", "knock")
	const program = `
		await editor.start();
		const document = editor.open("ssh.knock");
		const first = await editor.found(document), formatter = seen.providers.DocumentFormattingEdit;
		await seen.commands["knockc.restart"]();
		const second = await editor.found(document, first);
		return [second.length === first.length, formatter !== seen.providers.DocumentFormattingEdit, seen.messages];`
	var got []any
	v.run(t, s.dir, program, &got)
	if diff := cmp.Diff([]any{true, true, []any{}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
