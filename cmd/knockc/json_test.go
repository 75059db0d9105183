package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const jsonSchema = "../../spec/json.schema.json"

// jsonKinds are the kinds of objects by the key that only they have, or that comes first.
var jsonKinds = []struct{ key, kind string }{
	{"note", "note"}, {"check", "rehearsed"}, {"state", "state"}, {"recorded", "capture"}, {"top", "top"}, {"cover", "cover"}, {"code", "finding"}, {"expect", "expectation"}, {"expired", "expired"},
	{"verdict", "packet"}, {"sets", "status"},
}

// TestJSONSchema: what is printed is what the schema says, and all that it names is
// printed. The status is seen in TestStatusJSON, a rehearsal in TestRehearsalJSON.
func TestJSONSchema(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ssh.knock": "refuse reject\ntrust lan0\nknock ssh < 1001 ping/64 1003 -> 22 udp/53 grant 1h close 1009 1007 reset any revoke >\n" +
			"knock nas < 2001 2002 -> 445 at 192.168.0.5 198.19.0.0/24 grant forever >\nknock net < 3001 3002 -> 80 per /24 /64 once >\n",
		"a.trace": "policy ssh.knock\n0s 192.0.2.7:5 -> 1001 => pass\n+1s 192.0.2.7 -> ping/64\n+0s expect ssh at 2 for 192.0.2.7\n" +
			"+0s expect ssh at 1 for 192.0.2.7\n+1s 192.0.2.7 -> 1003\n+0s 192.0.2.7 -> udp/53\n+0s 192.0.2.7:7 -> 22 null => accept\n+1s 192.0.2.7 -> 1009\n" +
			"+1s 192.0.2.7 -> 1007\n+0s 2001:db8::7 -> 2001 on wg0\n+1s 192.0.2.8 -> 2001\n+1s 192.0.2.8 -> 2002 to 192.168.0.5\n" +
			"+0s expect nas open for 192.0.2.8\n+0s 192.0.2.9 -> 3001-3002 every 5s\n+5s 192.0.2.9 -> 80 => drop\n+1s 192.0.2.9 -> 1001\n+0s 192.0.2.9 -> 9\n" +
			"+0s 192.0.2.9 -> 22 => reject\n+0s expect nas closed for 192.0.2.9\n+0s 192.0.2.9 -> 1001\n+1s 192.0.2.9 -> ping/64\n+1s 192.0.2.9 -> 1003\n+2h 192.0.2.9 -> 22\n",
		"codes.knock": "knock ssh < otp/62201 -> 22 key \"ssh.key\" >\n",
		"codes.trace": "policy codes.knock\n0s 192.0.2.7 -> udp/62201 otp ssh +90s\n",
		"late.trace":  "policy ssh.knock\n0s 192.0.2.9 -> 3001\n+4999ms 192.0.2.9 -> 3002\n+0s 192.0.2.9 -> 80\n",
		"bad.knock":   "knock ssh < 0 -> 22 >\n",
		"odd.pcap":    oddCapture(),
		"odd.pcapng":  string(namedCapture("eth0", 147)), // a link type that is kept free
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := seenJSON{}
	for _, line := range []string{
		"sim -json a.trace", "sim -json a.trace a.trace", "sim -json -hz 100 a.trace", "sim -json -state 2s a.trace", "sim -json -state 3s a.trace a.trace",
		"sim -json -state 1h a.trace", "sim -json -hz 100 -state 12s a.trace", "sim -json -top 3 -cover a.trace", "sim -json -min-cover 99 a.trace",
		"sim -json -policy ssh.knock -host 192.0.2.1 TESTDATA/captures/door-any.pcap", "sim -json -policy ssh.knock -host 192.0.2.1 a.trace TESTDATA/captures/door-any.pcap",
		"sim -json -policy ssh.knock -host 192.0.2.1 TESTDATA/captures/router.pcap", "sim -json -policy ssh.knock -host 192.0.2.1 odd.pcap",
		"sim -json -policy ssh.knock -host 192.0.2.1 odd.pcapng",
		"sim -json codes.trace", "sim -json -hz 100 late.trace", "sim -json -hz 100 -state 4999ms late.trace", "check -json -v ssh.knock bad.knock a.trace",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "TESTDATA", "../../testdata"))
		for i, arg := range args {
			if _, err := os.Stat(filepath.Join(dir, arg)); err == nil && i > 0 {
				args[i] = filepath.Join(dir, arg)
			}
		}
		var out, errOut strings.Builder
		if status := run(args, strings.NewReader(""), &out, &errOut); status > exitInput || out.Len() == 0 {
			t.Errorf("%s: status %d: %s", line, status, errOut.String())
		}
		for text := range strings.Lines(out.String()) {
			seen.add(checkJSON(t, text))
		}
	}
	for _, text := range topOfMany(t) {
		seen.add(checkJSON(t, text))
	}
	for _, k := range jsonKinds {
		if !slices.Contains([]string{"status", "rehearsed", "note"}, k.kind) {
			seen.hasAll(t, k.kind)
		}
	}
}

// oddCapture is a capture of raw IPv4 to 192.0.2.1: a packet, then an older one whose TCP
// header contradicts itself, and packets that are left out, each for another reason.
func oddCapture() string {
	records := pcapRecord(3, rawSYN(7))
	add := func(source uint32, at int, bytes ...byte) {
		p := rawSYN(source)
		copy(p[at:], bytes)
		records = append(records, pcapRecord(2, p)...)
	}
	const total, fragment, proto, from, to, tcpLength = 2, 6, 9, 12, 16, 32
	add(8, tcpLength, 0)
	add(9, fragment, 0x20)
	add(9, fragment, 0x20, 1) // it overlaps that one
	add(9, total, 0, 10)
	add(9, proto, 47)
	add(9, from, 192, 0, 2, 1, 224, 0, 0, 1)
	add(9, from, 127, 0, 0, 1)
	add(9, to, 192, 0, 2, 2)
	for i := range uint32(2049) { // one more than are put together at a time
		add(10+i, fragment, 0x20)
	}
	short := pcapRecord(2, rawSYN(9)[:30])
	short[12] = 40 // how long it was
	return pcapHeader + string(records) + string(short)
}

// topOfMany is what -top prints of more sources than there is room for.
func topOfMany(t *testing.T) []string {
	t.Helper()
	var trace, out strings.Builder
	for i := range 70_000 {
		fmt.Fprintf(&trace, "0s 10.%d.%d.%d -> 80\n", i>>16, i>>8&255, i&255)
	}
	file := filepath.Join(t.TempDir(), "policy.knock")
	if err := os.WriteFile(file, []byte("knock ssh < 1001 1002 -> 22 >\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run([]string{"sim", "-json", "-top", "1", "-policy", file, "-"}, strings.NewReader(trace.String()), &out, os.Stderr)
	lines := strings.SplitAfter(out.String(), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, `{"top"`) })
}

// checkJSON holds an object to the schema of its kind, and returns both.
func checkJSON(t *testing.T, text string) (kind string, object any) {
	t.Helper()
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	keys, _ := object.(map[string]any)
	i := slices.IndexFunc(jsonKinds, func(k struct{ key, kind string }) bool { _, has := keys[k.key]; return has })
	if i < 0 {
		t.Fatalf("no object of a known kind: %s", text)
	}
	kind = jsonKinds[i].kind
	schema, err := jsonschema.NewCompiler().Compile(jsonSchema + "#/$defs/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(object); err != nil {
		t.Errorf("%v in %s", err, text)
	}
	return kind, object
}

// seenJSON is which keys and values were printed, each with the keys that lead there.
type seenJSON map[string]bool

func (s seenJSON) add(at string, printed any) {
	switch printed := printed.(type) {
	case map[string]any:
		for key, value := range printed {
			s[at+"."+key] = true
			s.add(at+"."+key, value)
		}
	case []any:
		for _, value := range printed {
			s.add(at, value)
		}
	default:
		s[fmt.Sprintf("%s is %v", at, printed)] = true
	}
}

// hasAll fails for each key that the schema names of a kind, and each value that it lists,
// that was never printed.
func (s seenJSON) hasAll(t *testing.T, kind string) {
	t.Helper()
	defs := readSchema(t).(map[string]any)["$defs"].(map[string]any)
	var walk func(schema any, at string)
	want := func(what string) {
		if !s[what] {
			t.Errorf("never printed: %s", what)
		}
	}
	walk = func(schema any, at string) {
		object, _ := schema.(map[string]any)
		if ref, ok := object["$ref"].(string); ok {
			walk(defs[strings.TrimPrefix(ref, "#/$defs/")], at)
		}
		properties, _ := object["properties"].(map[string]any)
		for key, value := range properties {
			want(at + "." + key)
			walk(value, at+"."+key)
		}
		for _, combines := range []string{"oneOf", "anyOf", "allOf"} {
			all, _ := object[combines].([]any)
			for _, one := range all {
				walk(one, at)
			}
		}
		values, _ := object["enum"].([]any)
		for _, value := range values {
			want(fmt.Sprintf("%s is %v", at, value))
		}
		if items, ok := object["items"]; ok {
			walk(items, at)
		}
	}
	walk(defs[kind], kind)
}

func readSchema(t *testing.T) (schema any) {
	t.Helper()
	src, err := os.ReadFile(jsonSchema)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(src, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestJSONDocument: json.md names every key of the schema.
func TestJSONDocument(t *testing.T) {
	text, err := os.ReadFile("../../spec/json.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := schemaKeys(readSchema(t), nil)
	if len(keys) < 50 {
		t.Errorf("only %d keys", len(keys))
	}
	for _, key := range keys {
		if !strings.Contains(string(text), "`"+key+"`") && !strings.Contains(string(text), `"`+key+`":`) {
			t.Errorf("json.md says nothing of %s", key)
		}
	}
}

// schemaKeys are the keys of all objects in a schema.
func schemaKeys(schema any, keys []string) []string {
	switch schema := schema.(type) {
	case map[string]any:
		for key, value := range schema {
			if properties, ok := value.(map[string]any); ok && key == "properties" {
				for name := range properties {
					keys = append(keys, name)
				}
			}
			keys = schemaKeys(value, keys)
		}
	case []any:
		for _, value := range schema {
			keys = schemaKeys(value, keys)
		}
	}
	return keys
}
