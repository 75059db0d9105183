package spec

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/internal/golden"
	"example.org/knockc/knockd"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// moved is a configuration of knockd, the policy that import makes of it, and visits to a
// host that has one or the other. Each is a file in the folder knockd:
//
//	knockd.conf   the configuration
//	host.sh       what else the owner of the host with knockd has set up, if anything;
//	              the functions in knockd/hosts.sh begin with a firewall
//	policy.knock  the policy; -update writes it again
//	visits.trace  what clients send, and what becomes of attempts at services
//
// A comment on a line of the trace says where knockd does something else than the policy,
// with a sentence of import.md:
//
//	... => drop  # knockd accepts: SENTENCE
type moved struct {
	*pair
	conf, host string
	knockd     map[int]bool // whether knockd lets an attempt in, by the line in the trace
}

// lateness is by how much packets may be late in all, each counting from the one before. The
// traces are such that this decides nothing.
const lateness = 8 * time.Second

// loadMoved reads the configurations.
func loadMoved(t *testing.T) (all []*moved) {
	t.Helper()
	files, err := filepath.Glob("knockd/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("only %d configurations of knockd: %v", len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, readMoved(t, file, archive))
	}
	return all
}

func readMoved(t *testing.T, file string, archive *txtar.Archive) *moved {
	t.Helper()
	content := map[string]*txtar.File{}
	for i, f := range archive.Files {
		content[f.Name] = &archive.Files[i]
	}
	m := &moved{knockd: map[int]bool{}}
	if f := content["host.sh"]; f != nil {
		m.host = string(f.Data)
	}
	conf, visits, policy := content["knockd.conf"].Data, content["visits.trace"].Data, content["policy.knock"]
	m.conf = string(conf)
	imported, found := knockd.Import("knockd.conf", conf)
	if lang.HasErrors(found) {
		t.Fatalf("%s: %s", file, found[0].Render("knockd.conf", conf))
	}
	if diff := cmp.Diff(string(policy.Data), string(imported)); diff != "" && !*golden.Update {
		t.Errorf("%s: -policy.knock +what import makes of knockd.conf:\n%s", file, diff)
	}
	if policy.Data = imported; *golden.Update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tr, found := trace.Parse(visits)
	for _, f := range found {
		t.Fatalf("%s: %s", file, f.Render("visits.trace", visits))
	}
	var err error
	if m.pair, err = newPair(strings.TrimSuffix(filepath.Base(file), ".txtar"), string(imported), tr.Events); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	m.readDifferences(t, strings.Split(string(visits), "\n"))
	return m
}

var (
	difference = regexp.MustCompile(`# knockd (accepts|drops): (.*)$`)
	spaces     = regexp.MustCompile(`\s+`)
)

// readDifferences reads where knockd does something else, and looks that import.md says so.
func (m *moved) readDifferences(t *testing.T, lines []string) {
	t.Helper()
	said := importPage(t)
	for i, line := range lines {
		d := difference.FindStringSubmatch(line)
		switch {
		case d == nil && strings.Contains(line, "# knockd "):
			t.Errorf("%s: %s: want `# knockd accepts: SENTENCE`", m.name, line)
		case d == nil:
		case !strings.Contains(said, d[2]):
			t.Errorf("%s: import.md does not say %q", m.name, d[2])
		default:
			m.knockd[i+1] = d[1] == "accepts"
		}
	}
}

// importPage is the text of import.md on one line.
func importPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("import.md")
	if err != nil {
		t.Fatal(err)
	}
	return spaces.ReplaceAllString(string(text), " ")
}

// letsIn is whether an attempt at a service gets in: past the policy, and past knockd. What
// the policy leaves to the host's own firewall does not.
func (m *moved) letsIn(e trace.Event) (policy, daemon bool) {
	policy = e.Packet.Want == trace.Accept
	daemon, differs := m.knockd[e.Span.Start.Line]
	if !differs {
		daemon = policy
	}
	return policy, daemon
}

// TestKnockdMoved: the policies that import makes do in the simulator what the traces say.
func TestKnockdMoved(t *testing.T) {
	for _, m := range loadMoved(t) {
		t.Run(m.name, func(t *testing.T) {
			m.holds(t, m.events)
			probes := 0
			for _, e := range m.events {
				if e.Packet == nil || e.Packet.Want == "" {
					continue
				}
				probes++
				daemon, differs := m.knockd[e.Span.Start.Line]
				if differs && daemon == (e.Packet.Want == trace.Accept) {
					t.Errorf("visits.trace:%d: knockd does what the policy does", e.Span.Start.Line)
				}
			}
			if probes < 2 {
				t.Errorf("the trace looks at only %d attempts", probes)
			}
		})
	}
}

// TestKnockdMovedLate: they do so as well if packets are late, so that a slow machine decides
// nothing.
func TestKnockdMovedLate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, m := range loadMoved(t) {
		t.Run(m.name, func(t *testing.T) {
			for range 100 {
				m.holds(t, unpunctual(m.events, r))
			}
		})
	}
}

// unpunctual are the events as a machine sends them that stops now and then.
func unpunctual(events []trace.Event, r *rand.Rand) []trace.Event {
	delay := time.Duration(0)
	after := slices.Clone(events)
	for i := range after {
		if r.IntN(4) == 0 {
			delay += time.Duration(r.Int64N(int64(lateness - delay)))
		}
		after[i].At += delay
	}
	return after
}

// holds holds the simulator to the verdicts that the trace expects.
func (m *moved) holds(t *testing.T, events []trace.Event) {
	t.Helper()
	says, _, err := onSim(m.result, m.start, events)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.Packet != nil && e.Packet.Want != "" && says[i] != string(e.Packet.Want) {
			t.Fatalf("visits.trace:%d: want %s, simulator %s%s", e.Span.Start.Line, e.Packet.Want, says[i], show(events[:i+1]))
		}
	}
}
