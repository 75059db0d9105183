package spec

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

const goalPackets = 1_000_000

// tool builds knockc as `make build` does.
func tool(b *testing.B) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "knockc")
	build := exec.Command("go", "build", "-o", file, "../cmd/knockc")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return file
}

// command is a whole process, whose output goes to /dev/null.
func command(name string, args ...string) *job {
	return &job{run: func() error {
		var said strings.Builder
		c := exec.Command(name, args...)
		c.Stderr = &said
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s %s: %w\n%.500s", name, strings.Join(args, " "), err, said.String())
		}
		return nil
	}}
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

func rate(j *job) string {
	return fmt.Sprintf("%.1f M packets/s", goalPackets/median(j.times).Seconds()/1e6)
}

// sizes are the numbers of knocks, and the goals of text and captures.
var sizes = []struct {
	knocks     int
	text, pcap float64
}{{1, 0.40, 0.35}, {100, 0.40, 0.35}, {10000, 0.12, 0.10}}

// replayGoals replays a trace and a capture, beside a program that only parses them.
func replayGoals(b *testing.B) (goals []goal) {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	var jobs []*job
	for _, s := range sizes {
		policy := written(b, folder, fmt.Sprintf("%d.knock", s.knocks), strings.NewReader(seeded.Policy(s.knocks)))
		trace := written(b, folder, fmt.Sprintf("%d.trace", s.knocks), seeded.MixedTrace(s.knocks, goalPackets))
		pcap := written(b, folder, fmt.Sprintf("%d.pcap", s.knocks), seeded.Capture(s.knocks, goalPackets))
		jobs = append(jobs,
			command(knockc, "sim", "-quiet", "-policy", policy, trace),
			&job{run: func() error { _, err := ceilingText(trace); return err }},
			command(knockc, "sim", "-quiet", "-policy", policy, pcap),
			&job{run: func() error { _, err := ceilingCapture(pcap); return err }})
	}
	inTurn(b, 21, jobs...)
	for _, s := range sizes {
		text, readText, pcap, readPcap := jobs[0], jobs[1], jobs[2], jobs[3]
		jobs = jobs[4:]
		goals = append(goals,
			goal{work: fmt.Sprintf("`sim -quiet` on text, knocks: %d", s.knocks), goal: s.text, measured: ratio(readText.times, text.times), unit: "of the rate of parsing by hand", figures: rate(text) + ", by hand " + rate(readText)},
			goal{work: fmt.Sprintf("`sim -quiet` on a capture, knocks: %d", s.knocks), goal: s.pcap, measured: ratio(readPcap.times, pcap.times), unit: "of the rate of parsing by hand", figures: rate(pcap) + ", by hand " + rate(readPcap)})
	}
	return goals
}

// readingGoals are what the goals of replaying can be at most: they only read the same files,
// once, as `sim` does.
func readingGoals(b *testing.B) []goal {
	b.Helper()
	folder := b.TempDir()
	text := written(b, folder, "100.trace", seeded.MixedTrace(100, goalPackets))
	pcap := written(b, folder, "100.pcap", seeded.Capture(100, goalPackets))
	lines := &job{run: func() error { return readLines(text) }}
	byHand := &job{run: func() error { _, err := ceilingText(text); return err }}
	frames := &job{run: func() error { return readFrames(pcap) }}
	framesByHand := &job{run: func() error { _, err := ceilingCapture(pcap); return err }}
	inTurn(b, 21, lines, byHand, frames, framesByHand)
	return []goal{
		{work: "reading text once, and nothing else", measured: ratio(byHand.times, lines.times), unit: "of the rate of parsing by hand", figures: rate(lines)},
		{work: "taking frames out of a capture once, with pcapgo", measured: ratio(framesByHand.times, frames.times), unit: "of the rate of parsing by hand", figures: rate(frames)},
	}
}

func readLines(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := trace.NewReader(f)
	for r.Next() != nil {
	}
	return r.Err()
}

func readFrames(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := pcapgo.NewReader(bufio.NewReaderSize(f, 1<<20))
	for err == nil {
		_, _, err = r.ZeroCopyReadPacketData()
	}
	if err == io.EOF {
		err = nil
	}
	return err
}

// outputGoals replays the same trace in the other ways that people use.
func outputGoals(b *testing.B) (goals []goal) {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	policy := written(b, folder, "100.knock", strings.NewReader(seeded.Policy(100)))
	trace := written(b, folder, "100.trace", seeded.MixedTrace(100, goalPackets))
	expecting := written(b, folder, "expect.trace", strings.NewReader(withVerdicts(b, policy, trace)))
	quiet := command(knockc, "sim", "-quiet", "-policy", policy, trace)
	others := []struct {
		work string
		job  *job
	}{
		{"`sim`, beside `-quiet`", command(knockc, "sim", "-policy", policy, trace)},
		{"`sim -json`", command(knockc, "sim", "-json", "-policy", policy, trace)},
		{"`sim -quiet -cover`", command(knockc, "sim", "-quiet", "-cover", "-policy", policy, trace)},
		{"`sim -quiet` with a verdict on each line", command(knockc, "sim", "-quiet", "-policy", policy, expecting)},
		{"`sim -quiet` from a pipe", command("sh", "-c", fmt.Sprintf("cat %s | %s sim -quiet -policy %s -", trace, knockc, policy))},
	}
	jobs := []*job{quiet}
	for _, o := range others {
		jobs = append(jobs, o.job)
	}
	inTurn(b, 21, jobs...)
	for _, o := range others {
		goals = append(goals, goal{work: o.work, most: true, goal: 3, measured: ratio(o.job.times, quiet.times), unit: "× `-quiet`", figures: rate(o.job)})
	}
	return goals
}

// formGoals replays traces whose lines are all written in one form.
func formGoals(b *testing.B) []goal {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	policy := written(b, folder, "100.knock", strings.NewReader(seeded.Policy(100)))
	var jobs []*job
	for _, form := range seeded.Forms {
		trace := written(b, folder, form.Name, seeded.FormTrace(form, 100, goalPackets))
		jobs = append(jobs, command(knockc, "sim", "-quiet", "-policy", policy, trace))
	}
	inTurn(b, 21, jobs...)
	order := make([]int, len(jobs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int { return cmp.Compare(median(jobs[i].times), median(jobs[k].times)) })
	var figures []string
	for _, i := range order {
		figures = append(figures, seeded.Forms[i].Name+" "+rate(jobs[i]))
	}
	slowest, fastest := jobs[order[len(order)-1]], jobs[order[0]]
	return []goal{{work: "the slowest form of line beside the fastest", most: true, goal: 1.5, measured: ratio(slowest.times, fastest.times), unit: "×", figures: strings.Join(figures, ", ")}}
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
type verdicts struct{ lines []string }

func (v *verdicts) Begin(*session.Trace) {}
func (v *verdicts) Outcome(o replay.Outcome) {
	v.lines[o.Event.Span.Start.Line-1] += " => " + o.Got.String()
}
func (v *verdicts) End(*session.Result)    {}
func (v *verdicts) Close(*session.Summary) {}

// memoryGoals counts what a replay allocates, and what it has at most.
func memoryGoals(b *testing.B) []goal {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	policy := written(b, folder, "100.knock", strings.NewReader(seeded.Policy(100)))
	allocated := func(packets int) float64 {
		trace := written(b, folder, "100.trace", seeded.MixedTrace(100, packets))
		before := memStats()
		if err := replayTo(policy, trace, session.Options{}, &report.Table{Out: io.Discard, Quiet: true}); err != nil {
			b.Fatal(err)
		}
		return float64(memStats().Mallocs - before.Mallocs)
	}
	each := (allocated(2*goalPackets) - allocated(goalPackets)) / goalPackets
	live, none := perSource(b)
	goals := []goal{
		{work: "allocations per packet of text", most: true, goal: 0.01, measured: each, figures: "in the second million"},
		{work: "memory per live source", most: true, goal: 80, measured: live, unit: "bytes", figures: fmt.Sprintf("%.0f for a source without state", none)},
	}
	for _, kind := range []string{"text", "a capture"} {
		policy := written(b, folder, "10000.knock", strings.NewReader(seeded.Policy(10000)))
		file := written(b, folder, "10000.pcap", seeded.Capture(10000, goalPackets))
		if kind == "text" {
			file = written(b, folder, "10000.trace", seeded.MixedTrace(10000, goalPackets))
		}
		peak := peakOf(b, exec.Command(knockc, "sim", "-quiet", "-policy", policy, file))
		goals = append(goals, goal{work: "peak of `sim -quiet` on " + kind + ", knocks: 10000", most: true, goal: 120, measured: peak, unit: "MB"})
	}
	return goals
}

// peakOf runs a command and looks every few milliseconds how many megabytes it has had at
// most. What wait4 says of that counts those of the process that has started it, too.
func peakOf(b *testing.B, c *exec.Cmd) (megabytes float64) {
	b.Helper()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			return megabytes
		case <-time.After(2 * time.Millisecond):
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
		if _, line, ok := strings.Cut(string(status), "VmHWM:"); ok {
			var kilobytes float64
			fmt.Sscanf(line, "%f kB", &kilobytes)
			megabytes = max(megabytes, kilobytes/1000)
		}
	}
}

// perSource is the memory of a source with state, and of one without.
func perSource(b *testing.B) (live, none float64) {
	b.Helper()
	const sources = 50_000 // fewer than the set of first steps holds
	p := benchPolicy(b, 100)
	memory := func(port uint16) float64 {
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
		return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / sources
	}
	return memory(p.policy.Knocks[0].Steps[0].Port), memory(39999)
}

func memStats() (s runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s
}
