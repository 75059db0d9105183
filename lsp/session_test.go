package lsp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const (
	policy = `# How we get in.
knock ssh < 10000 2345 3456 -> 22 within 5s grant 10s >
`
	goodTrace = `policy policy.knock

0s      192.0.2.7 -> 10000                 => pass
+1s     192.0.2.7 -> 2345
+1s     192.0.2.7 -> 3456
+0s     expect ssh open for 192.0.2.7
`
	otherTrace = `0s      192.0.2.9 -> 10000
+0s     expect ssh at 1 for 192.0.2.9
`
)

// TestSession is an hour of an administrator at her editor.
func TestSession(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy, "good.trace": goodTrace, "other.trace": otherTrace})
	e.open("policy.knock")
	e.open("good.trace")
	e.sees("policy.knock")
	e.sees("good.trace")

	// She mistypes a word, sees it before she has saved anything, and takes what the hint
	// says.
	e.edit("policy.knock", 1, 34, 40, "wihtin")
	e.sees("policy.knock", "K004 unknown clause `wihtin`\nhint: did you mean `within`?")
	e.sees("good.trace", "the policy has errors, so the trace was not replayed")
	var actions []struct {
		Title string
		Edit  struct {
			Changes map[string][]struct{ NewText string }
		}
	}
	e.ask("textDocument/codeAction", object{"textDocument": object{"uri": e.uri("policy.knock")}, "range": span(1, 35, 1, 35), "context": object{}}, &actions)
	if len(actions) != 1 || actions[0].Edit.Changes[e.uri("policy.knock")][0].NewText != "within" {
		t.Fatalf("%+v", actions)
	}
	e.edit("policy.knock", 1, 34, 40, "within")
	e.sees("policy.knock")
	e.sees("good.trace")

	// She changes a step. Traces say which expectations fail, and why, also those that are
	// not open.
	e.edit("policy.knock", 1, 12, 17, "10001")
	e.sees("good.trace", "wanted ssh open for 192.0.2.7, it is closed\nno grant for ssh: step 3 came at 2s, step 1 (10001) never came before")
	e.sees("other.trace", "wanted ssh at 1 for 192.0.2.9, it is at 0\n")
	e.edit("policy.knock", 1, 12, 17, "10000")
	e.sees("good.trace")
	e.sees("other.trace")

	// Beside each packet stands what came of it.
	var hints []struct {
		Label    string
		Position struct{ Line, Character int }
	}
	e.ask("textDocument/inlayHint", object{"textDocument": object{"uri": e.uri("good.trace")}, "range": span(0, 0, 9, 0)}, &hints)
	var labels []string
	for _, h := range hints {
		labels = append(labels, h.Label)
	}
	want := "pass  ssh 1/3 until 5s; pass  ssh 2/3 until 6s; pass  ssh open until 12s; holds"
	if got := strings.Join(labels, "; "); got != want || hints[0].Position.Line != 2 {
		t.Errorf("hints %q, wanted %q", got, want)
	}

	// Words and names explain themselves, and complete.
	e.hovers("policy.knock", 1, 36, "**within**")
	e.hovers("policy.knock", 1, 19, "Step 2 of 3 of knock `ssh`: a SYN to TCP port 2345")
	e.hovers("policy.knock", 1, 7, "knock ssh < 10000 2345 3456 -> 22 within 5s grant 10s")
	e.hovers("good.trace", 5, 16, "knock ssh < 10000 2345 3456 -> 22 within 5s grant 10s")
	e.hovers("good.trace", 2, 47, "the policy lets the packet pass")
	e.completes("policy.knock", 1, 47, "within", false)
	e.completes("policy.knock", 1, 54, "reset", true)
	e.completes("good.trace", 5, 15, "ssh", true)
	e.completes("good.trace", 5, 19, "closed", true)
	e.completes("good.trace", 2, 46, "reject", true)

	// She formats what she has written, and asks where a name is used.
	e.edit("policy.knock", 1, 6, 9, "   ssh  ")
	var edits []struct{ NewText string }
	e.ask("textDocument/formatting", object{"textDocument": object{"uri": e.uri("policy.knock")}, "options": object{}}, &edits)
	if len(edits) != 1 || edits[0].NewText != strings.SplitAfter(policy, "\n")[1] {
		t.Errorf("formatted: %+v", edits)
	}
	e.edit("policy.knock", 1, 6, 14, "ssh")
	var places []struct{ URI string }
	e.ask("textDocument/references", e.place("good.trace", 5, 16), &places)
	if len(places) != 2 {
		t.Errorf("references: %+v", places)
	}
	e.ask("textDocument/definition", e.place("good.trace", 5, 16), &places)
	if len(places) != 1 || places[0].URI != e.uri("policy.knock") {
		t.Errorf("definition: %+v", places)
	}
	e.ask("textDocument/definition", e.place("good.trace", 0, 10), &places)
	if len(places) != 1 || places[0].URI != e.uri("policy.knock") {
		t.Errorf("definition of the policy: %+v", places)
	}

	// She renames the knock, in the policy and in its traces.
	rename := e.place("policy.knock", 1, 7)
	rename["newName"] = "shell"
	var renamed struct {
		Changes map[string][]struct{ NewText string }
	}
	e.ask("textDocument/rename", rename, &renamed)
	if len(renamed.Changes) != 3 || renamed.Changes[e.uri("other.trace")][0].NewText != "shell" {
		t.Errorf("renamed: %+v", renamed)
	}
	e.says("knock `shell` begins as a new knock")
	e.edit("policy.knock", 1, 6, 9, "shell")
	e.edit("good.trace", 5, 15, 18, "shell")
	e.sees("good.trace")
	e.sees("other.trace", "K004 the policy has no knock `ssh`")

	// A finding can be silenced with a reason.
	e.edit("policy.knock", 1, 14, 19, "45000")
	e.sees("policy.knock", "K106")
	e.ask("textDocument/codeAction", object{"textDocument": object{"uri": e.uri("policy.knock")}, "range": span(1, 14, 1, 19), "context": object{}}, &actions)
	silenced := false
	for _, a := range actions {
		silenced = silenced || a.Edit.Changes[e.uri("policy.knock")][0].NewText == "# knockc:ignore K106 say why\n"
	}
	if !silenced {
		t.Errorf("%+v", actions)
	}
	e.edit("policy.knock", 1, 0, 0, "# knockc:ignore K106 say why\n")
	e.sees("policy.knock")

	// She goes home.
	e.ask("shutdown", nil, nil)
	e.notify("exit", nil)
	if err := e.ended(); err != nil {
		t.Error(err)
	}
}

// TestLanguages opens documents whose names and languages disagree, or say nothing.
func TestLanguages(t *testing.T) {
	const (
		badPolicy = "knock ssh\n"
		badTrace  = "0s nonsense\n"
	)
	for _, test := range []struct{ name, text, language, want string }{
		{"a.trace", badTrace, "knock", "expected a packet"},
		{"a.knock", badPolicy, "knocktrace", "has no `<`"},
		{"a.conf", badTrace, "knocktrace", "expected a packet"},
		{"a.txt", badPolicy, "knock", "has no `<`"},
		{"b.txt", badTrace, "plaintext", "expected a packet"},
		{"b.conf", badPolicy, "plaintext", "has no `<`"},
	} {
		t.Run(test.name+" as "+test.language, func(t *testing.T) {
			e := newEditor(t, map[string]string{test.name: test.text})
			e.openAs(test.name, test.language)
			e.sees(test.name, test.want)
		})
	}
}

// ended waits until the server has ended.
func (e *editor) ended() error {
	e.t.Helper()
	select {
	case err := <-e.served:
		return err
	case <-time.After(bound):
		e.t.Fatal("the server does not end")
	}
	return nil
}

func (e *editor) hovers(name string, line, character int, want string) {
	e.t.Helper()
	var h struct{ Contents struct{ Value string } }
	e.ask("textDocument/hover", e.place(name, line, character), &h)
	if !strings.Contains(h.Contents.Value, want) {
		e.t.Errorf("hover at %d:%d of %s: %q, wanted %q", line, character, name, h.Contents.Value, want)
	}
}

func (e *editor) completes(name string, line, character int, label string, want bool) {
	e.t.Helper()
	var raw json.RawMessage
	e.ask("textDocument/completion", e.place(name, line, character), &raw)
	if got := strings.Contains(string(raw), `"label":"`+label+`"`); got != want {
		e.t.Errorf("completion of %s at %d:%d of %s is %v: %s", label, line, character, name, got, raw)
	}
}

func (e *editor) says(want string) {
	e.t.Helper()
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		e.mu.Lock()
		said := strings.Join(e.said, "\n")
		e.mu.Unlock()
		if strings.Contains(said, want) {
			return
		}
	}
	e.t.Errorf("the user is not told: %s", want)
}
