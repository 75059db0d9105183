// Package editors_test holds the configuration for editors against the editors
// themselves: what saving a file does, and what is highlighted as what.
package editors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bound is how long an editor may take for what has to come.
const bound = 5 * time.Minute

// TestMain builds the command and puts it in front of the PATH.
func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "knockc")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("go", "build", "-o", dir, "../cmd/knockc").CombinedOutput(); err != nil {
		log.Printf("go build: %v\n%s", err, out)
		return 1
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

// editor is one of those that use editors/vim.
type editor struct {
	name string
	args []string
}

var (
	neovim = editor{"nvim", []string{"--headless", "--clean"}}
	vim    = editor{"vim", []string{"-N", "-u", "NONE", "-es"}}

	// Neovim 0.10 may die of a signal if it quits while it starts a server.
	editorsOfVim = []editor{{neovim.name, append(slices.Clip(neovim.args), "--cmd", "let g:knock_lsp = 0")}, vim}
)

// eachEditor runs a test in both.
func eachEditor(t *testing.T, test func(t *testing.T, e session)) {
	for _, e := range editorsOfVim {
		t.Run(e.name, func(t *testing.T) { test(t, e.start(t)) })
	}
}

// start gives an editor a folder.
func (e editor) start(t *testing.T) session {
	t.Helper()
	need(t, e.name)
	if version, _ := exec.Command(e.name, "--version").Output(); e.name == "vim" && !strings.Contains(string(version), "+eval") {
		missing(t, "this vim has no scripts")
	}
	return session{e, t.TempDir()}
}

// need skips a test without a program, or fails it where KNOCKC_EDITORS is `required`.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, err.Error())
	}
}

func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("KNOCKC_EDITORS") == "required" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// session is an editor with a folder to work in.
type session struct {
	editor
	dir string
}

func (s session) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (s session) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs a script and sets result from what it leaves in g:result. It is an
// error if the script makes the editor report one.
func (s session) run(t *testing.T, script string, result any) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const end = "\ncall writefile([json_encode([v:errmsg, g:result])], 'result.json')\nqall!\n"
	s.write(t, "script.vim", "let g:result = 0\n"+script+end)
	args := append(s.args, "-i", "NONE", "-n",
		"--cmd", "set runtimepath^="+filepath.Join(here, "vim"),
		"--cmd", "filetype plugin on | syntax on",
		"-S", "script.vim")
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_STATE_HOME="+s.dir, "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.name, err, out)
	}
	var errmsg string
	if err := json.Unmarshal([]byte(s.read(t, "result.json")), &[]any{&errmsg, result}); err != nil {
		t.Fatal(err)
	}
	if errmsg != "" {
		t.Errorf("%s says: %s\n%s", s.name, errmsg, out)
	}
}

// formatted is a file before and after an editor saved it.
type formatted struct{ file, text, want string }

// saved are files that each editor saves.
var saved = []formatted{
	{"ssh.knock", "\n\nknock   ssh<1000 2000->22\nwithin 5s>\n\n", "knock ssh <\n\t1000 2000 -> 22\n\twithin 5s\n>\n"},
	{"dos.knock", "\uFEFFknock a < 1 2 -> 22 >\r\n", "knock a < 1 2 -> 22 >\n"},
	{"blank.knock", "\n\n", ""},
	{"it's a % file.knock", "knock a<1 2->22>", "knock a < 1 2 -> 22 >\n"},
	{"ssh.trace", "\n\n0s 192.0.2.7->22   =>drop  \n", "0s      192.0.2.7 -> 22                    => drop\n"},
}

func TestSaveFormats(t *testing.T) {
	eachEditor(t, func(t *testing.T, s session) {
		for _, test := range saved {
			s.write(t, test.file, test.text)
			var unused any
			s.run(t, fmt.Sprintf("execute 'edit' fnameescape(%q)\nwrite", test.file), &unused)
			if got := s.read(t, test.file); got != test.want {
				t.Errorf("%s: saved\n%q, want\n%q", test.file, got, test.want)
			}
		}
	})
}

// TestSaveKeepsPlace saves with the cursor and marks at words, and holds them
// to stay there.
func TestSaveKeepsPlace(t *testing.T) {
	const text = `

knock a<1 2->22>
# about b


knock b < 3 4->23
  within 5s>
`
	const script = `
edit places.knock
call search('about')
mark a
call search('within')
mark b
call search('23', 'b')
write
let g:result = [expand('<cword>'), getline("'a"), getline("'b")]
undo
let g:result += [getline(1), line('$')]
`
	want := []any{"23", "# about b", "\twithin 5s", "", 8.0}
	eachEditor(t, func(t *testing.T, s session) {
		s.write(t, "places.knock", text)
		var got []any
		s.run(t, script, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestSaveBrokenFile(t *testing.T) {
	const (
		broken  = "knock   a<1 2->22>\nknock b < 3 4->23 within \"é\" wihtin 5s >\n"
		mended  = "knock a < 1 2 -> 22 >\nknock b < 3 4 -> 23 >\n"
		message = "unknown clause `wihtin` [K004]\nhint: did you mean `within`?"
		script  = `
edit broken.knock
write
let item = filter(getloclist(0), 'v:val.text =~# "wihtin"')[0]
let g:result = {'saved': readfile('broken.knock', 'b'), 'modified': &modified}
call extend(g:result, {'here': item.bufnr == bufnr('%'), 'line': item.lnum, 'col': item.col, 'type': item.type, 'text': item.text})
call setline(2, 'knock b < 3 4->23 >')
write
let g:result.left = len(filter(getloclist(0), 'v:val.type ==# "E"'))
`
	)
	type result struct {
		Saved                           []string
		Modified, Here, Line, Col, Left int
		Type, Text                      string
	}
	lines := strings.Split(broken, "\n")
	want := result{
		Saved: lines,
		Here:  1, Line: 2, Col: strings.Index(lines[1], "wihtin") + 1,
		Type: "E", Text: message,
	}
	eachEditor(t, func(t *testing.T, s session) {
		s.write(t, "broken.knock", broken)
		var got result
		s.run(t, script, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got := s.read(t, "broken.knock"); got != mended {
			t.Errorf("put right, it is saved as\n%q, want\n%q", got, mended)
		}
	})
}

func TestSaveSwitchedOff(t *testing.T) {
	const ugly = "knock   a<1 2->22>\n"
	const script = `
let g:knock_fmt_on_save = 0
edit ugly.knock
write
let g:result = [readfile('ugly.knock')[0], &commentstring, &makeprg, &expandtab]
KnockFmt
let g:result += [getline(1)]
`
	want := []any{"knock   a<1 2->22>", "# %s", "knockc check %:S", 0.0, "knock a < 1 2 -> 22 >"}
	eachEditor(t, func(t *testing.T, s session) {
		s.write(t, "ugly.knock", ugly)
		var got []any
		s.run(t, script, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestOtherFileType holds the plugin to take back what it did.
func TestOtherFileType(t *testing.T) {
	const script = `
edit a.knock
set filetype=text
let g:result = [&makeprg, exists(':KnockFmt'), exists('#knock#BufWritePre#<buffer>')]
set filetype=knocktrace
let g:result += [&makeprg, exists(':KnockFmt'), exists('#knock#BufWritePre#<buffer>')]
`
	want := []any{"make", 0.0, 0.0, "knockc check %:S", 2.0, 1.0}
	eachEditor(t, func(t *testing.T, s session) {
		var got []any
		s.run(t, script, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestMake goes through what `knockc check` says.
func TestMake(t *testing.T) {
	const script = `
edit broken.knock
silent make!
let g:result = map(filter(getqflist(), 'v:val.type ==# "E"'), {_, item -> [item.lnum, item.col, item.type]})
`
	want := []any{[]any{2.0, 19.0, "E"}}
	eachEditor(t, func(t *testing.T, s session) {
		s.write(t, "broken.knock", "# two\nknock b < 3 4->23 wihtin 5s >\n")
		var got []any
		s.run(t, script, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
