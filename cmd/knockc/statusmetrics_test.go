//go:build linux

package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/live"
)

// ageOfFile is a metric that node_exporter has about each file that it reads.
const ageOfFile = "node_textfile_mtime_seconds"

// metricNames are the names of metrics in a text, in order.
func metricNames(text string) []string {
	names := regexp.MustCompile(`\bknockc_[a-z_]+|`+ageOfFile).FindAllString(text, -1)
	slices.Sort(names)
	return slices.Compact(names)
}

// printedMetrics are the names of all metrics that the tool prints.
func printedMetrics(t *testing.T) []string {
	t.Helper()
	s := aStatus(3)
	s.Loaded = time.Date(2026, 11, 29, 9, 30, 12, 0, time.UTC)
	s.Knocks[0].Codes = &live.CodesStatus{Ends: s.Loaded.Add(time.Hour)}
	s.Knocks[1].Codes = &live.CodesStatus{Ends: s.Loaded, Stale: true}
	var out strings.Builder
	v := &viewing{statusOptions: statusOptions{policy: "policy.knock"}, wanted: "0123"}
	v.printMetrics(&out, []*seen{s})
	for _, want := range []string{
		`knockc_policy_current{table="knockc"} 0`, `knockc_policy_loaded_timestamp_seconds{table="knockc"} 1795944612`, `knockc_trial_running{table="knockc"} 1`,
		`knockc_trial_left_seconds{table="knockc"} 42`, `knockc_refused_total{table="knockc",knock="vpn"} 123456`, `knockc_barred_total{table="knockc",knock="vpn"} 3`,
		`knockc_codes_until_timestamp_seconds{table="knockc",knock="ssh"} 1795948212`, `knockc_codes_until_timestamp_seconds{table="knockc",knock="vpn"} 0`,
	} {
		if !strings.Contains(out.String(), "\n"+want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), `knockc_barred_total{table="knockc",knock="ssh"}`) {
		t.Errorf("a knock without from and on has no count of barred attempts:\n%s", out.String())
	}
	return metricNames(out.String())
}

// TestMetrics: the tool or node_exporter prints all metrics that the dashboard and the alerts
// ask for, and the document names them.
func TestMetrics(t *testing.T) {
	printed := append(printedMetrics(t), ageOfFile)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	src, err := os.ReadFile("../../packaging/metrics/dashboard.json")
	if err == nil {
		err = json.Unmarshal(src, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string][]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			asked["panel "+p.Title] = append(asked["panel "+p.Title], metricNames(target.Expr)...)
		}
	}
	for _, v := range dashboard.Templating.List[1:] {
		asked["variable "+v.Query] = metricNames(v.Query)
	}
	alerts, err := os.ReadFile("../../packaging/metrics/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(alerts), -1) {
		asked["alert "+expr[1]] = metricNames(expr[1])
	}
	if len(asked) != len(dashboard.Panels)+5 {
		t.Errorf("%d panels, variables and alerts ask for something: %v", len(asked), asked)
	}
	for who, names := range asked {
		if len(names) == 0 {
			t.Errorf("%s asks for no metric", who)
		}
		for _, name := range names {
			if !slices.Contains(printed, name) {
				t.Errorf("%s asks for %s, which is not printed", who, name)
			}
		}
	}
	document, err := os.ReadFile("../../spec/live.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(document), "\n### Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if named := metricNames(section); !slices.Equal(named, printed) {
		t.Errorf("live.md names\n%q, and printed are\n%q", named, printed)
	}
}

// TestMetricsNotLoaded: without a policy there is that to say, and no more.
func TestMetricsNotLoaded(t *testing.T) {
	var out strings.Builder
	(&viewing{statusOptions: statusOptions{policy: "policy.knock"}}).printNotLoaded(&out)
	if names := metricNames(out.String()); !slices.Equal(names, []string{"knockc_loaded", "knockc_policy_current"}) || !strings.Contains(out.String(), "\nknockc_loaded{table=\"knockc\"} 0\n") {
		t.Errorf("the metrics are\n%s", out.String())
	}
}
