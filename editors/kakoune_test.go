package editors_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kakoune is Kakoune with a client that shows a file.
type kakoune struct {
	session
	ctx  context.Context // done when Kakoune has ended
	over context.CancelFunc
}

// newKakoune is Kakoune, not started yet, with a file; its client may be `dummy` or `json`.
func newKakoune(t *testing.T, s session, ui, file string) (*kakoune, *exec.Cmd) {
	t.Helper()
	need(t, "kak")
	plugin, err := filepath.Abs("kakoune/knock.kak")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	t.Cleanup(cancel)
	k := &kakoune{s, ctx, cancel}
	return k, k.command("-ui", ui, "-s", "test", "-E", "source "+plugin, file)
}

func (k *kakoune) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(k.ctx, "kak", args...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), "HOME="+k.dir, "XDG_RUNTIME_DIR="+k.dir, "LC_ALL=C.UTF-8")
	return cmd
}

// do lets the client run commands. It is an error if Kakoune is not there yet.
func (k *kakoune) do(commands string) error {
	cmd := k.command("-p", "test")
	cmd.Stdin = strings.NewReader("evaluate-commands -client client0 %§" + commands + "§")
	return cmd.Run()
}

// shows waits until the client expands a text to one that contains what is wanted.
func (k *kakoune) shows(t *testing.T, text, want string) {
	t.Helper()
	answer := filepath.Join(k.dir, "answer")
	var got []byte
	for k.ctx.Err() == nil {
		os.Remove(answer)
		if k.do("echo -to-file answer "+text) == nil {
			if got, _ = os.ReadFile(answer); strings.Contains(string(got), want) {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s is %q, want %q", text, got, want)
}

func TestKakoune(t *testing.T) {
	const broken = "knock   b < 3000 1000 -> 23 wihtin 9h >\n"
	s := session{dir: t.TempDir()}
	s.write(t, "b.knock", broken)
	s.write(t, "b.trace", "policy b.knock\n0s    nonsense\n")
	k, editor := newKakoune(t, s, "dummy", "b.knock")
	if err := editor.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		editor.Wait()
		k.over()
	}()
	defer func() {
		k.do("quit!")
		<-k.ctx.Done()
	}()

	saves := func(want string) {
		t.Helper()
		saved := filepath.Join(s.dir, "saved")
		os.Remove(saved)
		if err := k.do("write; echo -to-file saved yes"); err != nil {
			t.Fatal(err)
		}
		for _, err := os.Stat(saved); err != nil && k.ctx.Err() == nil; _, err = os.Stat(saved) {
			time.Sleep(20 * time.Millisecond)
		}
		if got := s.read(t, "b.knock"); got != want {
			t.Errorf("saved %q, want %q", got, want)
		}
	}
	k.shows(t, "%opt{lint_messages}", "1|error: unknown clause `wihtin` [K004] (did you mean `within`?)")
	saves(broken)
	k.do("execute-keys '%swihtin<ret>cwithin<esc>'")
	saves("knock b < 3000 1000 -> 23 within 9h >\n")
	k.shows(t, "%opt{lint_messages}", "1|warning: this door opens to")
	k.do("set-option global knock_format_on_save false; execute-keys '%sknock<ret>cknock   <esc>'")
	saves("knock    b < 3000 1000 -> 23 within 9h >\n")

	// A trace is checked beside its policy.
	k.do("edit b.trace")
	k.shows(t, "%opt{lint_error_count} %opt{lint_messages}", "2|error: expected a packet or `expect`, found `nonsense`")
	k.shows(t, "%opt{lint_error_count}", "1")
}

// facesOfKakoune are those that stand for the standard groups of Vim, with the colours that
// the test gives them.
var facesOfKakoune = map[string]struct{ face, colour string }{
	"Comment":    {"comment", "bright-black"},
	"String":     {"string", "red"},
	"Identifier": {"variable", "cyan"},
	"Number":     {"value", "yellow"},
	"Constant":   {"value", "yellow"},
	"Keyword":    {"keyword", "blue"},
	"Function":   {"function", "magenta"},
	"Statement":  {"attribute", "green"},
	"Type":       {"type", "white"},
	"Special":    {"type", "white"},
	"Operator":   {"operator", "bright-red"},
}

func TestKakouneHighlights(t *testing.T) {
	for _, test := range highlighted {
		s := session{dir: t.TempDir()}
		s.write(t, test.file, test.text)
		k, editor := newKakoune(t, s, "json", test.file)
		for _, f := range facesOfKakoune {
			editor.Args[6] += fmt.Sprintf("\nset-face global %s %s", f.face, f.colour)
		}
		editor.Env = append(editor.Env, "PATH=/usr/bin:/bin") // without findings at the lines
		screen := k.draws(t, editor)
		for _, h := range test.want {
			want, ok := facesOfKakoune[h.link]
			if !ok || h.line > len(screen) || h.line == 1 && h.col == 1 { // the cursor has its own
				continue
			}
			before := strings.Split(test.text, "\n")[h.line-1][:h.col-1]
			if got := screen[h.line-1][h.col-1+7*strings.Count(before, "\t")]; got != want.colour {
				t.Errorf("%s:%d:%d: %s is %s, want %s (%s)", test.file, h.line, h.col, h.text, got, want.colour, want.face)
			}
		}
	}
}

// draws runs Kakoune and returns the colours of the characters in each line that it draws
// first.
func (k *kakoune) draws(t *testing.T, editor *exec.Cmd) (screen [][]string) {
	t.Helper()
	in, err := editor.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := editor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := editor.Start(); err != nil {
		t.Fatal(err)
	}
	defer editor.Wait()
	defer in.Close()
	defer k.do("quit!")
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var message struct {
			Method string
			Params []json.RawMessage
		}
		var drawn [][]struct {
			Face     struct{ FG string }
			Contents string
		}
		if err := json.Unmarshal(scanner.Bytes(), &message); err != nil {
			t.Fatal(err)
		}
		if message.Method != "draw" || json.Unmarshal(message.Params[0], &drawn) != nil || len(drawn) < 10 {
			continue
		}
		for _, line := range drawn {
			var colours []string
			for _, atom := range line {
				for range atom.Contents {
					colours = append(colours, atom.Face.FG)
				}
			}
			screen = append(screen, colours)
		}
		return screen
	}
	t.Fatal("Kakoune draws nothing")
	return nil
}
