package spec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// BenchmarkGoals prints a table of what knockc costs beside what it should cost. What
// is compared is run in turn, so that what else the machine does falls on all alike;
// the times are medians. -bench Goals/replay and so on print a part of it.
func BenchmarkGoals(b *testing.B) {
	fmt.Printf("\n| work | goal | measured | beside |\n| --- | --- | --- | --- |\n")
	for _, part := range []struct {
		name  string
		goals func(*testing.B)
	}{{"replay", replayGoals}, {"mixed", mixedGoals}, {"memory", memoryGoals}, {"policy", policyGoals}, {"process", processGoals}, {"scale", scaleGoals}} {
		b.Run(part.name, func(b *testing.B) {
			for b.Loop() {
				part.goals(b)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func row(work, goal, measured, beside string) {
	fmt.Printf("| %s | %s | %s | %s |\n", work, goal, measured, beside)
}

// job is something to be timed.
type job struct {
	run   func() error
	cores int
	times []time.Duration
}

func inTurn(b *testing.B, rounds int, jobs ...*job) {
	b.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for range rounds {
		for _, j := range jobs {
			runtime.GOMAXPROCS(max(1, j.cores))
			runtime.GC()
			j.times = append(j.times, timeOf(b, j.run))
		}
	}
}

func timeOf(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

const goalPackets = 1_000_000

// replayGoals replays files, from their bytes on the disk to the counts of verdicts.
func replayGoals(b *testing.B) {
	b.Helper()
	text, pcap := map[int]*job{}, map[int]*job{}
	var jobs []*job
	folder := b.TempDir()
	for _, knocks := range []int{1, 100, 10000} {
		policy := written(b, folder, fmt.Sprintf("%d.knock", knocks), strings.NewReader("default drop\n"+seeded.Policy(knocks)))
		trace := written(b, folder, fmt.Sprintf("%d.trace", knocks), seeded.Trace(knocks, goalPackets))
		capture := written(b, folder, fmt.Sprintf("%d.pcap", knocks), seeded.Capture(knocks, goalPackets))
		text[knocks] = &job{run: func() error { return replayFile(policy, trace) }}
		pcap[knocks] = &job{run: func() error { return replayFile(policy, capture) }}
		jobs = append(jobs, text[knocks], pcap[knocks])
	}
	open := written(b, folder, "open.knock", strings.NewReader(seeded.Policy(100)))
	flows := &job{run: func() error { return replayFile(open, filepath.Join(folder, "100.pcap")) }}
	two := &job{run: text[100].run, cores: 2}
	twoPcap := &job{run: pcap[100].run, cores: 2}
	readText := &job{run: func() error { _, err := ceilingText(filepath.Join(folder, "100.trace")); return err }}
	readPcap := &job{run: func() error { _, err := ceilingCapture(filepath.Join(folder, "100.pcap")); return err }}
	inTurn(b, 21, append(jobs, flows, two, twoPcap, readText, readPcap)...)
	for _, knocks := range []int{1, 100, 10000} {
		goals := [2]string{"≥ 8 M packets/s", "≥ 10 M packets/s"}
		if knocks == 10000 {
			goals = [2]string{"≥ 2 M packets/s", "≥ 2 M packets/s"}
		}
		row(fmt.Sprintf("`sim -quiet` on a text trace, knocks: %d", knocks), goals[0], rate(text[knocks]), besideCeiling(text[knocks], readText))
		row(fmt.Sprintf("`sim -quiet` on a pcap, knocks: %d", knocks), goals[1], rate(pcap[knocks]), besideCeiling(pcap[knocks], readPcap))
	}
	row("the pcap, every stranger let in: a flow each", "", rate(flows), besideCeiling(flows, readPcap))
	row("the text on two cores, 100 knocks", "", rate(two), besideCeiling(two, readText))
	row("the pcap on two cores, 100 knocks", "", rate(twoPcap), besideCeiling(twoPcap, readPcap))
}

// mixedGoals replays a trace with lines of all forms, and prints it in the other ways.
func mixedGoals(b *testing.B) {
	b.Helper()
	folder := b.TempDir()
	for _, knocks := range []int{1, 100} {
		policy := written(b, folder, fmt.Sprintf("%d.knock", knocks), strings.NewReader("default drop\n"+seeded.Policy(knocks)))
		trace := written(b, folder, fmt.Sprintf("%d.trace", knocks), seeded.MixedTrace(knocks, goalPackets))
		replayed := func(r session.Reporter) *job {
			return &job{run: func() error { return replayTo(policy, trace, session.Options{}, r) }}
		}
		quiet := replayed(&report.Table{Out: io.Discard, Quiet: true})
		table, json := replayed(&report.Table{Out: io.Discard}), replayed(&report.JSON{Out: io.Discard})
		covered := &job{run: func() error {
			return replayTo(policy, trace, session.Options{Cover: true}, &report.Table{Out: io.Discard, Quiet: true})
		}}
		expecting := written(b, folder, fmt.Sprintf("%d.expect.trace", knocks), strings.NewReader(withVerdicts(b, policy, trace)))
		expected := &job{run: func() error {
			return replayTo(policy, expecting, session.Options{}, &report.Table{Out: io.Discard, Quiet: true})
		}}
		hand := &job{run: func() error { _, err := ceilingMixed(trace); return err }}
		inTurn(b, 21, quiet, table, json, covered, expected, hand)
		beside := fmt.Sprintf("%.2f of the rate of reading it by hand, %s", ratio(hand.times, quiet.times), rate(hand))
		row(fmt.Sprintf("`sim -quiet` on lines of all forms, knocks: %d", knocks), "≥ 0.40 of reading by hand", rate(quiet), beside)
		beside = fmt.Sprintf("%.1f and %.1f times `-quiet`", ratio(table.times, quiet.times), ratio(json.times, quiet.times))
		row(fmt.Sprintf("the same with the table and with `-json`, knocks: %d", knocks), "≤ 3 × `-quiet`", rate(table)+", "+rate(json), beside)
		beside = fmt.Sprintf("%.1f and %.1f times `-quiet`", ratio(covered.times, quiet.times), ratio(expected.times, quiet.times))
		row(fmt.Sprintf("the same with `-cover`, and with a verdict on each line, knocks: %d", knocks), "≤ 3 × `-quiet`", rate(covered)+", "+rate(expected), beside)
	}
}

func rate(j *job) string {
	return fmt.Sprintf("%.1f M packets/s", goalPackets/median(j.times).Seconds()/1e6)
}

// besideCeiling compares with reading alone, by hand.
func besideCeiling(j, ceiling *job) string {
	return fmt.Sprintf("%.1f times what it takes to read it by hand, %s", ratio(j.times, ceiling.times), rate(ceiling))
}

func written(b *testing.B, folder, name string, from io.Reader) string {
	b.Helper()
	data, err := io.ReadAll(from)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// replayFile replays a file as `knockc sim -quiet -policy POLICY FILE` does.
func replayFile(policy, file string) error {
	table := &report.Table{Out: io.Discard, Quiet: true}
	counted := &totals{}
	if err := replayTo(policy, file, session.Options{}, report.All{table, counted}); err != nil {
		return err
	}
	if counted.packets != goalPackets || counted.accepted == 0 {
		return fmt.Errorf("played %+v of %d packets", counted, goalPackets)
	}
	return nil
}

// replayTo replays a file against a policy.
func replayTo(policy, file string, o session.Options, r session.Reporter) error {
	o.Policy = policy
	summary, err := session.Run([]string{file}, o, r)
	if err != nil {
		return err
	}
	return errors.Join(summary.Errs...)
}

// withVerdicts is a trace of single packets with the verdict of each.
func withVerdicts(b *testing.B, policy, file string) string {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	v := &verdicts{lines: strings.Split(string(text), "\n")}
	if err := replayTo(policy, file, session.Options{}, v); err != nil {
		b.Fatal(err)
	}
	return strings.Join(v.lines, "\n")
}

// verdicts adds to the lines of a trace what came of them.
type verdicts struct {
	totals
	lines []string
}

func (v *verdicts) Outcome(o replay.Outcome) {
	v.lines[o.Event.Span.Start.Line-1] += " => " + o.Got.String()
}

// totals counts outcomes.
type totals struct{ packets, accepted int }

func (c *totals) Begin(*session.Trace) {}
func (c *totals) Outcome(o replay.Outcome) {
	c.packets++
	if o.Got.Verdict == trace.Accept {
		c.accepted++
	}
}
func (c *totals) End(*session.Result)    {}
func (c *totals) Close(*session.Summary) {}

func memoryGoals(b *testing.B) {
	b.Helper()
	const sources = 50_000 // fewer than the set of first steps holds
	p := benchPolicy(b, 100)
	memory := func(port uint16) (bytes, allocations float64) {
		player, err := replay.New(p.result)
		if err != nil {
			b.Fatal(err)
		}
		before := memStats()
		packet := &sim.Packet{Iface: "eth0", Proto: lang.TCP, DstPort: port, Flags: lang.SYN, Alone: true}
		for n := range uint32(sources) {
			packet.Src = numbered(100, n)
			player.Packet(packet)
		}
		after := memStats()
		runtime.KeepAlive(player)
		return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / sources, float64(after.Mallocs-before.Mallocs) / sources
	}
	live, each := memory(p.policy.Knocks[0].Steps[0].Port)
	none, _ := memory(39999)
	row("allocations per packet", "0", fmt.Sprintf("%.3f", each), "tables that grow counted")
	row("memory per live source", "≤ 80 bytes", fmt.Sprintf("%.0f bytes", live), fmt.Sprintf("%.0f for a source without state", none))
}

func memStats() (s runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s
}

func policyGoals(b *testing.B) {
	b.Helper()
	policy := []byte(seeded.Bodies(12000))
	sources, size := goSource(b)
	format := &job{run: func() error { lang.Format(policy); return nil }}
	check := &job{run: func() error { lang.Examine(policy); return nil }}
	ceiling := &job{run: func() error { return gofmt(sources) }}
	inTurn(b, 21, format, check, ceiling)
	times := func(j *job) string {
		return fmt.Sprintf("%.2f × gofmt", ratio(j.times, ceiling.times)*float64(size)/float64(len(policy)))
	}
	row("`fmt` of a policy of 1 MB", "≤ 4 × gofmt on 1 MB of Go", times(format), "`check` "+times(check))
}

// processGoals runs whole commands, as an editor does: on a policy of 10 KB.
func processGoals(b *testing.B) {
	b.Helper()
	folder := b.TempDir()
	tool := filepath.Join(folder, "knockc")
	build := exec.Command("go", "build", "-o", tool, "../cmd/knockc")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as `make build` does
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	file := written(b, folder, "policy.knock", strings.NewReader(seeded.Bodies(105)))
	command := func(args ...string) *job {
		return &job{cores: 2, run: func() error { return exec.Command(tool, args...).Run() }}
	}
	version, format, check := command("version"), command("fmt", file), command("check", file)
	gofmt := &job{cores: 2, run: func() error { exec.Command("gofmt", "-h").Run(); return nil }} // its status is 2
	inTurn(b, 101, version, format, check, gofmt)
	beside := func(j *job) string {
		return fmt.Sprintf("%.2f × `gofmt -h`, %s", ratio(j.times, gofmt.times), milliseconds(gofmt))
	}
	row("start-up: `version`, whole process", "≤ 1.2 × `gofmt -h`", milliseconds(version), beside(version))
	row("`fmt` of 10 KB, whole process", "≤ 10 ms", milliseconds(format), beside(format))
	row("`check` of 10 KB, whole process", "≤ 10 ms", milliseconds(check), beside(check))
}

func milliseconds(j *job) string {
	return fmt.Sprintf("%.1f ms", median(j.times).Seconds()*1000)
}

// scaleGoals builds 10,000 knocks and lets nft read the result without loading it,
// and loads 1,000 knocks, three times in turn.
func scaleGoals(b *testing.B) {
	b.Helper()
	one, many := benchPolicy(b, 1).result.Ruleset, benchPolicy(b, 10000).result.Ruleset
	row("rules that a background packet meets, 1 and 10,000 knocks", "the same", fmt.Sprintf("%d and %d", baseRules(one), baseRules(many)), "")
	row("sets, 1 and 10,000 knocks", "the same", fmt.Sprintf("%d and %d", len(one.Sets), len(many.Sets)), "")

	text, thousand := seeded.Policy(10000), built(b, seeded.Policy(1000))
	file := written(b, b.TempDir(), "knock.nft", strings.NewReader(built(b, text)))
	reader := netns.New(b, "eth0")
	build := &job{run: func() error { built(b, text); return nil }}
	check := &job{run: func() error { _, err := reader.Nft("-c", "-f", file); return err }}
	inTurn(b, 3, build, check)
	row("`build` of 10,000 knocks", "≤ 1 s, and less than `nft -c`", seconds(build.times), fmt.Sprintf("%.2f × `nft -c` of it", ratio(build.times, check.times)))

	var loads []time.Duration
	for range 3 {
		host := netns.New(b, "eth0")
		loads = append(loads, timeOf(b, func() error { return host.Load(thousand) }))
	}
	row("loading 1,000 knocks, both families", "≤ 1 s", seconds(loads), "")
}

func seconds(times []time.Duration) string { return fmt.Sprintf("%.2f s", median(times).Seconds()) }

// baseRules is how many rules there are before a packet is told apart by its port.
func baseRules(r *compiler.Ruleset) (rules int) {
	for _, c := range r.Chains {
		if c.Hook != nil {
			rules += len(c.Rules)
		}
	}
	return rules
}

// built does what `knockc build` does with the text of a policy.
func built(b *testing.B, policyText string) string {
	b.Helper()
	policy, found := lang.Examine([]byte(policyText))
	result, more := compiler.Compile(policy)
	if err := firstError("bench", policyText, append(found, more...)); err != nil {
		b.Fatal(err)
	}
	var script strings.Builder
	if err := result.Ruleset.WriteNFT(&script, nil); err != nil {
		b.Fatal(err)
	}
	return script.String()
}
