package knockd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
)

// TestExport shows the section of each knock of a policy.
func TestExport(t *testing.T) {
	golden.Run(t, "testdata/export.txtar", func(t *testing.T, _ string, src []byte) []byte {
		var b strings.Builder
		for _, k := range knocks(t, src) {
			text, err := Export(k)
			if err != nil {
				text = "error: " + err.Error()
			}
			b.WriteString(text + "\n\n")
		}
		return []byte(strings.TrimSuffix(b.String(), "\n"))
	})
}

func knocks(t *testing.T, src []byte) []*lang.Knock {
	t.Helper()
	policy, found := lang.Examine(src)
	if lang.HasErrors(found) {
		t.Fatalf("%s\n%v", src, found)
	}
	return policy.Knocks
}

// again exports a knock and imports it.
func again(t *testing.T, k *lang.Knock) *lang.Knock {
	t.Helper()
	text, err := Export(k)
	if err != nil {
		t.Fatalf("%s: %v", k, err)
	}
	policy, found := Import("knockd.conf", []byte(text))
	all := knocks(t, policy)
	if len(all) != 1 || lang.HasErrors(found) {
		t.Fatalf("%s\nbecomes\n%s\nwhich becomes\n%s\n%v", k, text, policy, found)
	}
	return all[0]
}

// TestExportImport: import makes the same knock of a section, if knockd has all of it.
func TestExportImport(t *testing.T) {
	for _, body := range []string{
		`7000 8000 9000 -> 22 total 10s grant 30s`,
		`udp/7000 8000 udp/9000 -> 22 8010-8020 udp/53 udp/51820-51830 total 2m grant 1h`,
		`udp/7000 udp/8000 -> udp/51820 total 5s grant 1d`,
		`7000 8000 9000 -> 22 total 10s grant forever close 9001 udp/8001`,
		`7000 8000 9000 -> 22 80 total 10s grant 1m close 9001 8001 from 0.0.0.0/0`,
		`7000 8000 9000 -> 22 total 10s grant 1m from ::/0`,
		`7000 8000 9000 -> 22 total 10s grant forever close 9001 8001 from ::/0`,
		`7000 8000 9000 -> 445 udp/445 total 10s grant 1m at 10.0.0.5 10.1.0.0/16`,
		`7000 8000 9000 -> 445 total 10s grant 1m at 2001:db8::5`,
		`7000 8000 9000 -> 445 total 10s grant 1m close 9001 8001 at 10.0.0.5 2001:db8::5`,
		`7000 8000 9000 -> 445 total 10s grant 1m from 0.0.0.0/0 at 10.0.0.5`,
		`7000 8000 9000 -> 22 total 10s grant 30s log`,
	} {
		k := knocks(t, []byte("knock ssh < "+body+" reset known on eth7 >"))[0]
		if same := again(t, k); same.String() != k.String() {
			t.Errorf("%s\nbecomes\n%s", k, same)
		}
		if text, _ := Export(k); strings.Count(text, "#") != 1 {
			t.Errorf("%s: is something lost?\n%s", k, text)
		}
	}
}

// TestExportImportOthers: export and import keep what opens the door, what is behind it, and
// for how long, in every knock of the examples and cases. A second round changes nothing.
func TestExportImportOthers(t *testing.T) {
	count := 0
	for _, src := range policies(t) {
		for _, k := range knocks(t, src) {
			if slices.ContainsFunc(k.AllSteps(), func(s lang.Step) bool { return s.Proto == lang.Ping || s.Code }) {
				if text, err := Export(k); err == nil || text != "" {
					t.Errorf("%s: %q, %v", k, text, err)
				}
				continue
			}
			count++
			same := again(t, k)
			grant := k.Grant
			if grant != lang.Forever {
				grant = (grant + time.Second - 1).Truncate(time.Second)
			}
			if lang.List(same.Steps) != lang.List(k.Steps) || lang.List(same.Close) != lang.List(k.Close) || same.Grant != grant ||
				lang.List(same.Services) != lang.List(sorted(slices.Clone(k.Services))) || len(same.At) != len(k.At) {
				t.Errorf("%s\nbecomes\n%s", k, same)
			}
			if third := again(t, same); third.String() != same.String() {
				t.Errorf("%s\nbecomes\n%s", same, third)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d knocks", count)
	}
}

// policies are those of the examples and of the cases.
func policies(t *testing.T) (all [][]byte) {
	t.Helper()
	examples, _ := filepath.Glob("../testdata/policies/*.knock")
	cases, _ := filepath.Glob("../spec/cases/*.txtar")
	for _, name := range examples {
		all = append(all, read(t, name))
	}
	for _, name := range cases {
		for _, f := range txtar.Parse(read(t, name)).Files {
			if strings.HasSuffix(f.Name, ".knock") {
				all = append(all, f.Data)
			}
		}
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestExportKnowsEveryClause: each clause changes the section, or a comment says that it is
// lost.
func TestExportKnowsEveryClause(t *testing.T) {
	values := map[lang.Clause]string{
		lang.ClauseWithin: "3s", lang.ClauseTotal: "4s", lang.ClauseGrant: "20s", lang.ClauseOnce: "", lang.ClauseReset: "known",
		lang.ClauseClose: "1005 1007", lang.ClauseFrom: "10.0.0.0/8", lang.ClauseOn: "eth7", lang.ClauseAt: "10.0.0.5",
		lang.ClausePer: "/24 /64", lang.ClauseLog: "",
	}
	plain, _ := Export(knocks(t, []byte("knock a < 1001 1003 1009 -> 22 >"))[0])
	for i, word := range lang.ClauseWords {
		value, known := values[lang.Clause(i)]
		switch clause := lang.Clause(i); {
		case clause == lang.ClauseKey || clause == lang.ClausePeriod || clause == lang.ClauseAhead:
			// They are about codes, which no section has.
		case !known:
			t.Errorf("what does knockd make of %q?", word)
		default:
			k := knocks(t, []byte("knock a < 1001 1003 1009 -> 22 "+word+" "+value+" >"))[0]
			if text, err := Export(k); err != nil || text == plain {
				t.Errorf("%s: %v\n%s", k, err, text)
			}
		}
	}
}
