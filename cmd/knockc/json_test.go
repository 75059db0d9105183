package main

import (
	"encoding/json"
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
	{"state", "state"}, {"recorded", "capture"}, {"top", "top"}, {"cover", "cover"}, {"code", "finding"}, {"expect", "expectation"},
	{"verdict", "packet"}, {"sets", "status"},
}

// TestJSONSchema: what is printed is what the schema says.
func TestJSONSchema(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ssh.knock": "refuse reject\ntrust lan0\nknock ssh < 1001 ping/64 1003 -> 22 udp/53 grant 1h close 1009 1007 reset any revoke >\n" +
			"knock nas < 2001 2002 -> 445 at 192.168.0.5 grant forever >\nknock net < 3001 3002 -> 80 per /24 /64 once >\n",
		"a.trace": "policy ssh.knock\n0s 192.0.2.7:5 -> 1001 => pass\n+1s 192.0.2.7 -> ping/64\n+0s expect ssh at 2 for 192.0.2.7\n" +
			"+0s expect ssh at 1 for 192.0.2.7\n+1s 192.0.2.7 -> 1003\n+0s 192.0.2.7 -> udp/53\n+0s 192.0.2.7:7 -> 22 null => accept\n+1s 192.0.2.7 -> 1009\n" +
			"+1s 192.0.2.7 -> 1007\n+0s 2001:db8::7 -> 2001 on wg0\n+1s 192.0.2.8 -> 2001\n+1s 192.0.2.8 -> 2002 to 192.168.0.5\n" +
			"+0s expect nas open for 192.0.2.8\n+0s 192.0.2.9 -> 3001-3002 every 5s\n+5s 192.0.2.9 -> 80 => drop\n+1s 192.0.2.9 -> 1001\n+0s 192.0.2.9 -> 9\n",
		"bad.knock": "knock ssh < 0 -> 22 >\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{"status": true} // that is seen on the kernel
	for _, line := range []string{
		"sim -json a.trace", "sim -json a.trace a.trace", "sim -json -hz 100 a.trace", "sim -json -state 2s a.trace", "sim -json -state 3s a.trace a.trace",
		"sim -json -state 1h a.trace", "sim -json -hz 100 -state 12s a.trace", "sim -json -top 3 -cover a.trace", "sim -json -min-cover 99 a.trace",
		"sim -json -policy ssh.knock -host 192.0.2.1 TESTDATA/captures/door-any.pcap", "sim -json -policy ssh.knock -host 192.0.2.1 a.trace TESTDATA/captures/door-any.pcap",
		"check -json -v ssh.knock bad.knock a.trace",
	} {
		args := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(line, "TESTDATA", "../../testdata"), " a.", " "+dir+"/a."))
		for i, arg := range args {
			if strings.HasSuffix(arg, ".knock") {
				args[i] = filepath.Join(dir, arg)
			}
		}
		var out, errOut strings.Builder
		if status := run(args, strings.NewReader(""), &out, &errOut); status > exitInput || out.Len() == 0 {
			t.Errorf("%s: status %d: %s", line, status, errOut.String())
		}
		for text := range strings.Lines(out.String()) {
			seen[checkJSON(t, text)] = true
		}
	}
	for _, k := range jsonKinds {
		if !seen[k.kind] {
			t.Errorf("nothing was a %s", k.kind)
		}
	}
}

// checkJSON holds an object to the schema of its kind, which it returns.
func checkJSON(t *testing.T, text string) string {
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
	kind := jsonKinds[i].kind
	schema, err := jsonschema.NewCompiler().Compile(jsonSchema + "#/$defs/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(object); err != nil {
		t.Errorf("%v in %s", err, text)
	}
	return kind
}

// TestJSONDocument: json.md names every key of the schema.
func TestJSONDocument(t *testing.T) {
	text, err := os.ReadFile("../../spec/json.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(jsonSchema)
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(src, &schema); err != nil {
		t.Fatal(err)
	}
	keys := schemaKeys(schema, nil)
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
