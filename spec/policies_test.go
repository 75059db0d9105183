package spec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

const policiesFolder = "../testdata/policies"

// setup is one of the set-ups that the project shows: a policy, and the trace that
// shows what it is for.
type setup struct {
	policyText, traceText []byte
	trace                 *trace.Trace
	found                 []lang.Finding // of the policy
	pair                  *pair
}

func (s *setup) name() string { return s.pair.name }

// loadSetups reads all set-ups. That of ssh has its trace in a folder of its own.
func loadSetups(t *testing.T) []*setup {
	t.Helper()
	policies, err := filepath.Glob(filepath.Join(policiesFolder, "*.knock"))
	if err != nil || len(policies) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	traces, err := filepath.Glob(filepath.Join(policiesFolder, "*.trace"))
	if err != nil {
		t.Fatal(err)
	}
	traces = append(traces, "../testdata/traces/ssh.trace")
	traceOf := map[string]string{}
	for _, file := range traces {
		traceOf[base(file)] = file
	}
	var setups []*setup
	for _, file := range policies {
		traceFile, ok := traceOf[base(file)]
		if !ok {
			t.Errorf("%s has no trace", file)
			continue
		}
		delete(traceOf, base(file))
		setups = append(setups, loadSetup(t, file, traceFile))
	}
	for _, file := range traceOf {
		t.Errorf("%s has no policy", file)
	}
	return setups
}

// TestPolicyIndex: the index lists each policy once.
func TestPolicyIndex(t *testing.T) {
	index := readFile(t, filepath.Join(policiesFolder, "README.md"))
	files, err := filepath.Glob(filepath.Join(policiesFolder, "*.knock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if n := strings.Count(index, fmt.Sprintf(" | [%s](%[1]s) |\n", name)); n != 1 {
			t.Errorf("README.md lists %s %d times", name, n)
		}
	}
	if rows := strings.Count(index, ".knock) |\n"); rows != len(files) {
		t.Errorf("README.md has %d rows for %d policies", rows, len(files))
	}
}

// base is a file's name without folder and ending.
func base(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

func loadSetup(t *testing.T, policyFile, traceFile string) *setup {
	t.Helper()
	s := &setup{policyText: []byte(readFile(t, policyFile)), traceText: []byte(readFile(t, traceFile))}
	tr, found := trace.Parse(s.traceText)
	for _, f := range found {
		t.Fatal(f.Render(traceFile, s.traceText))
	}
	if tr.Policy == nil || filepath.Join(filepath.Dir(traceFile), tr.Policy.File) != policyFile {
		t.Errorf("%s does not name %s", traceFile, policyFile)
	}
	p, err := newPair(base(policyFile), string(s.policyText), tr.Events)
	if err != nil {
		t.Fatal(err)
	}
	p.start, p.traceOf = tr.Start, byNetwork(p.events)
	_, s.found = lang.Examine(s.policyText)
	s.trace, s.pair = tr, p
	return s
}

// byNetwork tells apart the traces of sources that no `per` of these policies
// makes one.
func byNetwork(events []trace.Event) func(netip.Addr) int {
	network := func(a netip.Addr) netip.Prefix {
		bits := 32
		if a.Is6() {
			bits = 64
		}
		return netip.PrefixFrom(a, bits).Masked()
	}
	numbers := map[netip.Prefix]int{}
	for _, e := range events {
		if e.Packet == nil {
			continue
		}
		if _, ok := numbers[network(e.Packet.Src)]; !ok {
			numbers[network(e.Packet.Src)] = len(numbers)
		}
	}
	return func(a netip.Addr) int { return numbers[network(a)] }
}

// wantOf is what the trace expects of an event; "" if it does not say.
func wantOf(e trace.Event) string {
	switch {
	case e.Packet != nil:
		return string(e.Packet.Want)
	case e.Expect.At != nil:
		return strconv.Itoa(e.Expect.At.Step)
	}
	return string(e.Expect.State)
}

// TestPolicies holds model and simulator to what the traces of the set-ups expect,
// and the set-ups to what a reader may expect of an example.
func TestPolicies(t *testing.T) {
	setups := loadSetups(t)
	packets, expectations := 0, 0
	for _, s := range setups {
		t.Run(s.name(), func(t *testing.T) {
			s.testForm(t)
			s.testMargins(t)
			s.testClauses(t)
			expectations += s.testVerdicts(t)
			packets += len(s.pair.events)
		})
	}
	t.Logf("%d policies, %d packets and expectations, %d of which say what is wanted", len(setups), packets, expectations)
}

// testForm holds the files to the canonical form, the policy to the checker, and
// the trace to the knocks that there are.
func (s *setup) testForm(t *testing.T) {
	for _, f := range s.found {
		if f.Severity != lang.Info {
			t.Error(f.Render(s.name()+".knock", s.policyText))
		}
	}
	for _, f := range replay.Check(s.trace, s.pair.result) {
		t.Error(f.Render(s.name()+".trace", s.traceText))
	}
	if text, _ := lang.Format(s.policyText); !bytes.Equal(text, s.policyText) {
		t.Error("the policy is not formatted")
	}
	if text, _ := trace.Format(s.traceText); !bytes.Equal(text, s.traceText) {
		t.Error("the trace is not formatted")
	}
	for _, text := range [][]byte{s.policyText, s.traceText} {
		if !bytes.HasPrefix(text, []byte("# ")) {
			t.Error("does not begin with a comment")
		}
	}
}

// testVerdicts returns how many events the trace expects something of.
func (s *setup) testVerdicts(t *testing.T) int {
	p := s.pair
	model := onModel(p.policy, p.start, p.events)
	simulated, opened, err := onSim(p.result, p.start, p.events)
	if err != nil {
		t.Fatal(err)
	}
	expectations := 0
	for i, e := range p.events {
		w := wantOf(e)
		if w == "" {
			w = model[i]
		} else {
			expectations++
		}
		if model[i] != w || simulated[i] != w {
			t.Errorf("%s.trace:%d: want %s, model %s, simulator %s", s.name(), e.Span.Start.Line, w, model[i], simulated[i])
		}
	}
	if expectations < 4 || !slices.Contains(opened, true) {
		t.Errorf("the trace has %d expectations, want 4 and a door that opens", expectations)
	}
	return expectations
}

// A trace of seconds is played to the kernel so many times as fast, in multiples of
// 20 ms. A packet may be late by some ticks then, as no deadline is near.
const (
	faster = 25
	late   = 300 * time.Millisecond / faster
	margin = 400 * time.Millisecond // for late, the tick and the time of the packet itself
)

// testMargins lets packets be late by up to margin, which must change nothing.
func (s *setup) testMargins(t *testing.T) {
	wanted := onModel(s.pair.policy, s.pair.start, s.pair.events)
	for seed := range uint64(50) {
		events := delayed(s.pair.events, rand.New(rand.NewPCG(seed, 0)))
		for i, says := range onModel(s.pair.policy, s.pair.start, events) {
			if says != wanted[i] {
				t.Fatalf("%s.trace:%d: %s, but %s if packets are a little late", s.name(), events[i].Span.Start.Line, wanted[i], says)
			}
		}
	}
}

func delayed(events []trace.Event, random *rand.Rand) []trace.Event {
	moved := slices.Clone(events)
	for i := range moved {
		at := moved[i].At + time.Duration(random.Int64N(int64(margin)))
		if i > 0 {
			at = max(at, moved[i-1].At)
		}
		moveTo(&moved[i], at)
	}
	return moved
}

// testClauses takes away one clause or setting after the other, which the trace must
// notice.
func (s *setup) testClauses(t *testing.T) {
	all := onModel(s.pair.policy, s.pair.start, s.pair.events)
	for _, ablation := range ablations {
		policy, has := without(s.pair.policy, ablation.take)
		if has && slices.Equal(onModel(policy, s.pair.start, s.pair.events), all) {
			t.Errorf("the trace does not show what %q is for", ablation.name)
		}
	}
}

// hostsEach is how many hosts play each set-up: where a packet of one is too late,
// that of another may be in time. On a busy machine they play again, up to mostRounds times,
// until half of the verdicts are in time.
const (
	hostsEach  = 3
	mostRounds = 20
)

// TestPoliciesOnKernel gives the same packets to the kernel.
func TestPoliciesOnKernel(t *testing.T) {
	setups := loadSetups(t)
	var pairs []*pair
	for _, s := range setups {
		p := s.pair.sped(t)
		pairs = append(pairs, slices.Repeat([]*pair{p}, hostsEach)...)
	}
	var total tally
	var played played
	rounds := 0
	enough := func() bool { return rounds > 0 && 2*played.held >= played.wanted/rounds }
	for ; rounds < mostRounds && !enough(); rounds++ {
		for _, o := range onKernel(t, pairs) {
			total.judge(t, o)
			total.traces++
			played.judge(t, o)
		}
	}
	total.policies = len(setups)
	t.Logf("%v\n%v", &total, &played)
	if !enough() {
		t.Error("most packets came too late to say what the traces want")
	}
}

// sped is the pair with all times divided.
func (p *pair) sped(t *testing.T) *pair {
	t.Helper()
	policy := *p.policy
	policy.Knocks = nil
	for _, k := range p.policy.Knocks {
		policy.Knocks = append(policy.Knocks, spedKnock(k))
	}
	result, found := compiler.Compile(&policy)
	if err := firstError(p.name, "", found); err != nil {
		t.Fatal(err)
	}
	events := slices.Clone(p.events)
	for i := range events {
		moveTo(&events[i], events[i].At/faster)
	}
	if last := events[len(events)-1].At; last > 5*time.Second {
		t.Errorf("%s lasts %v; a trace takes at most 5s", p.name, last)
	}
	return &pair{p.name, &policy, result, p.start, events, p.traceOf}
}

func spedKnock(k *lang.Knock) *lang.Knock {
	sped := *k
	sped.Within /= faster
	sped.Total /= faster
	if k.Grant != lang.Forever {
		sped.Grant /= faster
	}
	return &sped
}

// played counts what became of the expectations of the traces in the kernel.
type played struct{ wanted, held int }

func (c *played) String() string {
	return fmt.Sprintf("%d verdicts wanted, %d held, %d left out as too late", c.wanted, c.held, c.wanted-c.held)
}

// judge holds what the kernel did against what the trace expects, as long as the
// packets of a source are in time.
func (c *played) judge(t *testing.T, o *observation) {
	t.Helper()
	scheduled := slices.DeleteFunc(slices.Clone(o.pair.events), func(e trace.Event) bool { return e.Packet == nil })
	tooLate := map[int]bool{}
	for i, e := range o.events {
		number := o.pair.traceOf(e.Packet.Src)
		if e.At > scheduled[i].At+late || !o.sure[i] {
			tooLate[number] = true
		}
		w := wantOf(e)
		if w == "" {
			continue
		}
		c.wanted++
		switch {
		case tooLate[number]:
		case o.says[i] != visible(w, e.Packet):
			t.Errorf("%s.trace:%d: want %s, kernel %s", o.pair.name, e.Span.Start.Line, w, o.says[i])
		default:
			c.held++
		}
	}
}
