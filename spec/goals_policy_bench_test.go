package spec

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
)

// policyGoals formats and checks a policy of 1 MB, beside gofmt on 1 MB of Go.
func policyGoals(b *testing.B) []goal {
	b.Helper()
	policy := []byte(seeded.Bodies(12000))
	sources, size := goSource(b)
	format := &job{run: func() error { lang.Format(policy); return nil }}
	check := &job{run: func() error { lang.Examine(policy); return nil }}
	hand := &job{run: func() error { return gofmt(sources) }}
	inTurn(b, 21, format, check, hand)
	scale := float64(size) / float64(len(policy))
	return []goal{
		{work: "`fmt` of 1 MB", most: true, goal: 2.5, measured: ratio(format.times, hand.times) * scale, unit: "× gofmt", figures: milliseconds(format)},
		{work: "`check` of 1 MB", measured: ratio(check.times, hand.times) * scale, unit: "× gofmt", figures: milliseconds(check)},
	}
}

// processGoals runs whole commands as an editor does, on a policy of 10 KB.
func processGoals(b *testing.B) []goal {
	b.Helper()
	knockc := tool(b)
	file := written(b, b.TempDir(), "policy.knock", strings.NewReader(seeded.Bodies(105)))
	version, format, check := command(knockc, "version"), command(knockc, "fmt", file), command(knockc, "check", file)
	gofmt := &job{run: func() error { exec.Command("gofmt", "-h").Run(); return nil }} // its status is 2
	inTurn(b, 101, version, format, check, gofmt)
	row := func(work string, most float64, j *job) goal {
		return goal{work: work, most: true, goal: most, measured: ratio(j.times, gofmt.times), unit: "× `gofmt -h`", figures: milliseconds(j) + ", gofmt " + milliseconds(gofmt)}
	}
	return []goal{row("start-up: `version`", 1.2, version), row("`fmt` of 10 KB", 0, format), row("`check` of 10 KB", 0, check)}
}

// scaleGoals builds 10,000 knocks, beside nft that reads the result without loading it.
func scaleGoals(b *testing.B) []goal {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	policy := written(b, folder, "policy.knock", strings.NewReader(seeded.Policy(10000)))
	script := filepath.Join(folder, "knock.nft")
	build := command(knockc, "build", "-o", script, policy)
	if err := build.run(); err != nil {
		b.Fatal(err)
	}
	reader := netns.New(b, "eth0")
	check := &job{run: func() error { _, err := reader.Nft("-c", "-f", script); return err }}
	inTurn(b, 7, build, check)
	one, many := benchPolicy(b, 1).result.Ruleset, benchPolicy(b, 10000).result.Ruleset
	return []goal{
		{work: "`build`, knocks: 10000", most: true, goal: 0.15, measured: ratio(build.times, check.times), unit: "× `nft -c` of it", figures: seconds(build)},
		{work: "rules before the port decides, knocks: 10000", most: true, goal: 1, measured: float64(baseRules(many)) / float64(baseRules(one)), unit: "× those of one knock", figures: fmt.Sprintf("%d and %d", baseRules(many), baseRules(one))},
		{work: "sets, knocks: 10000", most: true, goal: 1, measured: float64(len(many.Sets)) / float64(len(one.Sets)), unit: "× those of one knock", figures: fmt.Sprintf("%d and %d", len(many.Sets), len(one.Sets))},
	}
}

// baseRules is how many rules there are before a packet is told apart by its port.
func baseRules(r *compiler.Ruleset) (rules int) {
	for _, c := range r.Chains {
		if c.Hook != nil {
			rules += len(c.Rules)
		}
	}
	return rules
}

// liveGoals loads policies into a host and looks at them.
func liveGoals(b *testing.B) (goals []goal) {
	b.Helper()
	knockc, folder := tool(b), b.TempDir()
	for _, knocks := range []int{1000, 10000} {
		policy := written(b, folder, "policy.knock", strings.NewReader(seeded.Policy(knocks)))
		script := filepath.Join(folder, "knock.nft")
		if err := command(knockc, "build", "-o", script, policy).run(); err != nil {
			b.Fatal(err)
		}
		host, hand := netns.New(b, "eth0"), netns.New(b, "eth0")
		inside := func(args ...string) *job {
			return &job{run: func() error { return host.Do(exec.Command(args[0], args[1:]...).Run) }}
		}
		apply, status := inside(knockc, "apply", "-rehearse=false", policy), inside(knockc, "status", policy)
		nft := &job{run: func() error { _, err := hand.Nft("-f", script); return err }}
		inTurn(b, 5, apply, status, nft)
		goals = append(goals,
			goal{work: fmt.Sprintf("`apply`, knocks: %d", knocks), measured: ratio(apply.times, nft.times), unit: "× `nft -f`", figures: seconds(apply)},
			goal{work: fmt.Sprintf("`status`, knocks: %d", knocks), measured: ratio(status.times, nft.times), unit: "× `nft -f`", figures: seconds(status)})
		for _, args := range [][]string{{"apply", "-rehearse=false", policy}, {"status", policy}} {
			sent, err := sendmsgs(host, folder, append([]string{knockc}, args...))
			if err != nil {
				b.Fatal(err)
			}
			goals = append(goals, goal{work: fmt.Sprintf("`sendmsg` calls of `%s` over what is loaded, knocks: %d", args[0], knocks), measured: float64(sent)})
		}
	}
	return goals
}

// sendmsgs counts how often a command calls sendmsg.
func sendmsgs(host *netns.Host, folder string, command []string) (int, error) {
	file := filepath.Join(folder, "strace")
	args := append([]string{"-f", "-qq", "-e", "trace=sendmsg,sendto", "-e", "signal=none", "-o", file}, command...)
	if err := host.Do(exec.Command("strace", args...).Run); err != nil {
		return 0, err
	}
	calls, err := os.ReadFile(file)
	return bytes.Count(calls, []byte("\n")), err
}
