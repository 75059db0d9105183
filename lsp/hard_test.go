package lsp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/jsonrpc2"
)

// TestClientThatDies: the server ends when its editor is gone.
func TestClientThatDies(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy})
	e.open("policy.knock")
	e.sees("policy.knock")
	e.over.Store(true)
	e.in.Close()
	if err := e.ended(); err == nil {
		t.Error("the server does not say that its editor has gone")
	}
}

// TestBigTrace: a trace of a million lines freezes nothing. What is visible at its end has
// verdicts; a request that the client gives up is answered so; and another document is
// served meanwhile.
func TestBigTrace(t *testing.T) {
	var trace strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&trace, "+1ms 192.0.2.%d -> %d\n", i%250, 1+i%60000)
	}
	trace.WriteString("+1s 192.0.2.7 -> 22 => accept\n")
	e := newEditor(t, map[string]string{"policy.knock": policy, "big.trace": trace.String(), "good.trace": goodTrace})
	e.open("big.trace")
	e.open("good.trace")
	e.sees("good.trace")

	ctx, cancel := context.WithCancel(context.Background())
	params := object{"textDocument": object{"uri": e.uri("big.trace")}, "range": span(999_990, 0, 1_000_000, 0)}
	given, err := e.conn.DispatchCall(ctx, "textDocument/inlayHint", params, jsonrpc2.PickID(jsonrpc2.ID{Num: 4711}))
	if err != nil {
		t.Fatal(err)
	}
	e.notify("$/cancelRequest", object{"id": 4711})
	err = given.Wait(ctx, nil)
	cancel()
	if answer, ok := err.(*jsonrpc2.Error); err != nil && (!ok || answer.Code != -32800) {
		t.Errorf("a request that was given up: %v", err)
	}

	// She types in the big trace, and is not kept waiting in the small one.
	for i := range 20 {
		e.edit("big.trace", 500_000+i, 0, 4, "+2ms")
	}
	e.hovers("good.trace", 5, 16, "knock ssh")
	var hints []json.RawMessage
	e.ask("textDocument/inlayHint", params, &hints)
	if len(hints) != 11 {
		t.Errorf("%d hints at the end of the trace", len(hints))
	}
	e.sees("big.trace", "wanted accept for 192.0.2.7 -> 22, got drop")
}

// TestMemory: after ten thousand changes, the server uses as much memory as after the
// first thousand.
func TestMemory(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": longPolicy(), "good.trace": goodTrace})
	e.open("policy.knock")
	e.open("good.trace")
	used := func(changes int) uint64 {
		for i := range changes {
			e.edit("policy.knock", 1, 12, 17, fmt.Sprint(10000+i%2))
		}
		e.hovers("policy.knock", 1, 7, "knock ssh")
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := used(1000)
	last := used(9000)
	t.Logf("%d KB after 1000 changes, %d KB after 10000", first>>10, last>>10)
	if last > first+first/2+4<<20 {
		t.Errorf("%d bytes after 1000 changes, %d after 10000", first, last)
	}
}

// longPolicy is policy, with knocks up to 10 KB.
func longPolicy() string {
	var b strings.Builder
	b.WriteString(policy)
	for i := 0; b.Len() < 10<<10; i++ {
		fmt.Fprintf(&b, "knock user%d < %d %d %d %d -> 22 within 5s grant 30s reset any >\n", i, 2000+i, 12000-i, 5000+2*i, 22000-3*i)
	}
	return b.String()
}

// BenchmarkKeystroke is the time from a key in a policy of 10 KB until the editor shows what
// it does to three traces: to the policy itself, and to the last of the traces.
func BenchmarkKeystroke(b *testing.B) {
	e := newEditor(b, map[string]string{"policy.knock": longPolicy(), "good.trace": goodTrace, "other.trace": otherTrace, "third.trace": strings.ReplaceAll(otherTrace, "0s      ", "0s ")})
	for _, name := range []string{"policy.knock", "good.trace", "other.trace", "third.trace"} {
		e.open(name)
	}
	e.sees("good.trace")
	e.sees("third.trace")
	var policies, traces []time.Duration
	for i := 0; b.Loop(); i++ {
		step, want := "10001", []string{"wanted ssh at 1"}
		if i%2 == 1 {
			step, want = "10000", nil
		}
		begin := time.Now()
		e.edit("policy.knock", 1, 12, 17, step)
		version := e.version
		e.seesVersion("policy.knock", version)
		policies = append(policies, time.Since(begin))
		e.sees("third.trace", want...)
		traces = append(traces, time.Since(begin))
	}
	for name, times := range map[string][]time.Duration{"policy": policies, "traces": traces} {
		slices.Sort(times)
		b.ReportMetric(times[len(times)/2].Seconds()*1e3, name+"-median-ms")
		b.ReportMetric(times[len(times)*99/100].Seconds()*1e3, name+"-p99-ms")
	}
}

// TestFilesOnDisk: the editor tells of files that change, come and go on the disk.
func TestFilesOnDisk(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy, "good.trace": goodTrace, "other.trace": otherTrace})
	changed := func(name string) {
		e.notify("workspace/didChangeWatchedFiles", object{"changes": []object{{"uri": e.uri(name), "type": 2}}})
	}
	e.open("good.trace")
	e.sees("good.trace")
	e.write("policy.knock", strings.Replace(policy, "10000", "10001", 1))
	changed("policy.knock")
	e.sees("good.trace", "wanted ssh open")
	e.sees("other.trace", "wanted ssh at 1")
	e.write("other.trace", strings.Replace(otherTrace, "10000", "10001", 1))
	changed("other.trace")
	e.sees("other.trace")
	e.write("new.trace", "0s 192.0.2.7 -> 22 => accept\n")
	changed("new.trace")
	e.sees("new.trace", "wanted accept")
	if err := os.Remove(filepath.Join(e.folder, "new.trace")); err != nil {
		t.Fatal(err)
	}
	changed("new.trace")
	e.sees("new.trace")
	if err := os.Remove(filepath.Join(e.folder, "policy.knock")); err != nil {
		t.Fatal(err)
	}
	changed("policy.knock")
	e.sees("other.trace") // its policy may be given on the command line
	e.sees("good.trace", "cannot read")
}

// TestSeveralPolicies: each trace follows the policy that it names, also when it names
// another.
func TestSeveralPolicies(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy, "vpn.knock": "knock vpn < 7001 9002 8003 -> udp/51820 >\n", "a.trace": goodTrace})
	e.open("policy.knock")
	e.open("vpn.knock")
	e.open("a.trace")
	e.sees("a.trace")
	e.edit("a.trace", 0, 7, 13, "vpn")
	e.sees("a.trace", "K004 the policy has no knock `ssh`")
	e.edit("a.trace", 5, 15, 18, "vpn")
	e.sees("a.trace", "wanted vpn open for 192.0.2.7, it is closed")
	e.edit("vpn.knock", 0, 12, 26, "10000 2345 3456")
	e.sees("a.trace")
	e.notify("textDocument/didClose", object{"textDocument": object{"uri": e.uri("vpn.knock")}})
	e.sees("a.trace", "wanted vpn open") // as it is on the disk
}

// TestManyChangesAtOnce: an editor that replaces all sends one change for each place, from
// the last to the first.
func TestManyChangesAtOnce(t *testing.T) {
	var text strings.Builder
	var changes []object
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&text, "+1s 192.0.2.7 -> 22 => drop # é %d\n", i)
		changes = append(changes, object{"range": span(n-1-i, 23, n-1-i, 27), "text": "accept"})
	}
	e := newEditor(t, map[string]string{"policy.knock": policy, "many.trace": text.String()})
	e.open("many.trace")
	e.sees("many.trace")
	e.version++
	e.notify("textDocument/didChange", object{"textDocument": object{"uri": e.uri("many.trace"), "version": e.version}, "contentChanges": changes})
	var hints []struct{ Label string }
	e.ask("textDocument/inlayHint", object{"textDocument": object{"uri": e.uri("many.trace")}, "range": span(0, 0, 9, 0)}, &hints)
	if len(hints) != 10 || hints[9].Label != "drop" {
		t.Errorf("%v", hints)
	}
	for deadline := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		shown := e.shown["many.trace"]
		e.mu.Unlock()
		if len(shown) == 100 && strings.Contains(shown[0].Message, "wanted accept") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d diagnostics", len(shown))
		}
	}
}

// TestOpenTracesFirst: what is open is told before what is not, however much that is.
func TestOpenTracesFirst(t *testing.T) {
	files := map[string]string{"policy.knock": policy, "z.trace": goodTrace}
	for i := range 300 {
		files[fmt.Sprintf("a%d.trace", i)] = goodTrace
	}
	e := newEditor(t, files)
	e.open("policy.knock")
	e.open("z.trace")
	e.sees("z.trace")
	e.edit("policy.knock", 1, 12, 17, "10001")
	e.sees("z.trace", "wanted ssh open")
	e.sees("a299.trace", "wanted ssh open")
	e.mu.Lock()
	defer e.mu.Unlock()
	failed := slices.DeleteFunc(e.told, func(told telling) bool { return told.findings == 0 })
	if before := slices.Index(failed, telling{"z.trace", 1}); before > 100 {
		t.Errorf("%d traces were told before the open one", before)
	}
}

// TestKeyIsNotOpened: a capture in the place of a trace is not replayed, since that needs
// the key of one-time codes.
func TestKeyIsNotOpened(t *testing.T) {
	pcap := "\n\r\r\n\x00\x00\x00\x1c\x1a+<M\x00\x01\x00\x00" + strings.Repeat("\x00", 8) + "\x00\x00\x00\x1c"
	e := newEditor(t, map[string]string{"policy.knock": "knock ssh < otp/62201 -> 22 key \"none.key\" >\n", "cap.trace": pcap, "ok.trace": "0s 192.0.2.7 -> udp/62201 otp ssh => pass\n"})
	e.open("policy.knock")
	e.open("ok.trace")
	e.open("cap.trace")
	e.sees("ok.trace")
	e.sees("cap.trace", "this is a capture")
}

// TestRenameOfUnreadTraces: what cannot be read to its end is not renamed in part.
func TestRenameOfUnreadTraces(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy, "bad.trace": "soon\n" + goodTrace})
	e.open("policy.knock")
	e.sees("policy.knock")
	e.open("bad.trace")
	rename := e.place("policy.knock", 1, 7)
	rename["newName"] = "shell"
	if err := e.conn.Call(context.Background(), "textDocument/rename", rename, nil); err == nil || !strings.Contains(err.Error(), "bad.trace may name `ssh`") {
		t.Errorf("renamed: %v", err)
	}
}

// TestIgnoreOfSecondOpen: the comment goes above the declaration that the finding is about.
func TestIgnoreOfSecondOpen(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": "open 443\nknock a < 8080 2002 9003 -> 22 reset any >\n\nopen 8080\n"})
	e.open("policy.knock")
	e.sees("policy.knock", "K107", "K116")
	var actions []struct {
		Edit struct {
			Changes map[string][]struct {
				Range struct{ Start struct{ Line int } }
			}
		}
	}
	e.ask("textDocument/codeAction", object{"textDocument": object{"uri": e.uri("policy.knock")}, "range": span(3, 5, 3, 9), "context": object{}}, &actions)
	if len(actions) != 1 || actions[0].Edit.Changes[e.uri("policy.knock")][0].Range.Start.Line != 3 {
		t.Errorf("%+v", actions)
	}
}

// TestWrongParameters: what is no request of the protocol is answered as such.
func TestWrongParameters(t *testing.T) {
	e := newEditor(t, map[string]string{"policy.knock": policy})
	for method, code := range map[string]int64{"textDocument/hover": jsonrpc2.CodeInvalidParams, "textDocument/cook": jsonrpc2.CodeMethodNotFound} {
		err := e.conn.Call(context.Background(), method, []int{1}, nil)
		if answer, ok := err.(*jsonrpc2.Error); !ok || answer.Code != code {
			t.Errorf("%s: %v", method, err)
		}
	}
}
