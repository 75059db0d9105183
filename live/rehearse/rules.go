//go:build linux

package rehearse

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/internal/lazy"
	"example.org/knockc/internal/nftrace"
)

// firewall is all that the host has loaded beside the policy.
type firewall struct {
	tables []*table
	legacy [2]string // by family: the tables that iptables-legacy manages
}

// table is a table of nf_tables.
type table struct {
	family, name string
	text         string // as nft lists it, or as iptables-nft-save does
	iptables     string // the family's program without the ending: iptables-nft; "" if nft manages it
	lost         string // why the copy does not have it; "" if it does
}

func (t *table) String() string { return "table " + t.family + " " + t.name }

// concerns reports whether packets of a family meet the table.
func (t *table) concerns(v6 bool) bool {
	switch t.family {
	case "ip":
		return !v6
	case "ip6":
		return v6
	case "arp":
		return false
	}
	return true
}

// readFirewall reads it in the thread's network namespace: beside a policy that is to be
// loaded, or with the one that is.
func readFirewall(s *Subject) (*firewall, error) {
	text, err := listRuleset()
	if err != nil {
		return nil, err
	}
	f := &firewall{tables: tablesOf(text)}
	f.tables = slices.DeleteFunc(f.tables, func(t *table) bool {
		return t.family == "inet" && (t.name == s.Table && s.ruleset != nil || t.name == nftrace.FollowTable)
	})
	foreign, err := foreignTables()
	if err != nil {
		return nil, err
	}
	for _, t := range f.tables {
		t.asIptables()
		if t.iptables == "" && foreign[t.family+" "+t.name] {
			t.lost = "it has rules of iptables, and iptables-nft-save does not know it"
		}
	}
	for i, names := range []string{"ip_tables_names", "ip6_tables_names"} {
		f.legacy[i] = legacyTables(names, []string{"iptables-legacy-save", "ip6tables-legacy-save"}[i])
	}
	return f, nil
}

// table finds a table, nil if there is none.
func (f *firewall) table(family, name string) *table {
	if i := slices.IndexFunc(f.tables, func(t *table) bool { return t.family == family && t.name == name }); i >= 0 {
		return f.tables[i]
	}
	return nil
}

// listRuleset is what nft lists. If it cannot list all, it is asked for one table after the
// other, and those that it cannot list have no text.
func listRuleset() (string, error) {
	text, err := run("nft", "-s", "list", "ruleset")
	if err == nil || errors.Is(err, errNoProgram) {
		return text, err
	}
	tables, tablesErr := run("nft", "list", "tables")
	if tablesErr != nil {
		return "", err
	}
	text = ""
	for line := range strings.Lines(tables) {
		if f := strings.Fields(line); len(f) == 3 {
			one, err := run("nft", "-s", "list", "table", f[1], f[2])
			if err != nil {
				one = fmt.Sprintf("table %s %s {\n# %v\n}\n", f[1], f[2], err)
			}
			text += one
		}
	}
	return text, nil
}

// run runs a program that may lie where not every PATH looks, and returns its output.
func run(program string, args ...string) (string, error) {
	c := command(program, args...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", saidBy(program, err, said.String())
	}
	return string(out), nil
}

func command(program string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/sbin/" + program
	}
	c := exec.Command(path, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // ^C on a terminal ends knockc first
	return c
}

var errNoProgram = errors.New("this needs the program")

// saidBy is the error of a program, in one line.
func saidBy(program string, err error, said string) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w %s", errNoProgram, program)
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(said), "\n"); line != "" {
		return fmt.Errorf("%s: %s", program, line)
	}
	return fmt.Errorf("%s: %w", program, err)
}

var (
	tableLine = lazy.Regexp(`^table (\w+) (\S+) \{`)
	flagsLine = lazy.Regexp(`^\tflags (.*)\n$`)
	countLine = lazy.Regexp(`^(\t\tsize \d+)\t# count \d+\n$`)
)

// tablesOf cuts a listing into its tables.
func tablesOf(text string) (all []*table) {
	var t *table
	var of strings.Builder
	ownersLine := false // was the last one
	for line := range strings.Lines(text) {
		if m := tableLine().FindStringSubmatch(line); m != nil {
			t = &table{family: m[1], name: m[2]}
			all = append(all, t)
			line = fmt.Sprintf("table %s %s {\n", t.family, t.name) // without `# progname`
		}
		if t == nil || ownersLine && line == "\n" {
			continue
		}
		if m := flagsLine().FindStringSubmatch(line); m != nil {
			line = ownerless(m[1])
		}
		if m := countLine().FindStringSubmatch(line); m != nil {
			line = m[1] + "\n" // newer nft counts elements that have ended meanwhile
		}
		ownersLine = line == ""
		of.WriteString(line)
		if line == "}\n" {
			t.text = of.String()
			of.Reset()
			t = nil
		}
	}
	for _, t := range all {
		t.lost = unreadable(t.text)
	}
	return all
}

// ownerless are a table's flags without those that bind it to a process.
func ownerless(flags string) string {
	var kept []string
	for flag := range strings.SplitSeq(strings.TrimSuffix(flags, ";"), ",") {
		if flag = strings.TrimSpace(flag); flag != "owner" && flag != "persist" {
			kept = append(kept, flag)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "\tflags " + strings.Join(kept, ",") + "\n"
}

var (
	quoted     = lazy.Regexp(`"[^"]*"`)
	notForRead = lazy.Regexp(`#|\[invalid type\]|\bxt (match|target|watcher) `)
)

// unreadable says why nft would not read a listing as it is meant.
func unreadable(text string) string {
	for line := range strings.Lines(text) {
		if notForRead().MatchString(quoted().ReplaceAllString(line, `""`)) {
			return "nft prints what it does not read: " + strings.TrimSpace(line)
		}
	}
	return ""
}

var baseChain = lazy.Regexp(`\tchain (\S+) \{\n\t\ttype `)

// asIptables takes the text of iptables, if that manages the table: if it has the name that
// iptables gives it, and no base chain that iptables would not see.
func (t *table) asIptables() {
	program := map[string]string{"ip": "iptables-nft", "ip6": "ip6tables-nft"}[t.family]
	if program == "" || !slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, t.name) {
		return
	}
	for _, m := range baseChain().FindAllStringSubmatch(t.text, -1) {
		if !slices.Contains([]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}, m[1]) {
			return
		}
	}
	saved, err := run(program+"-save", "-t", t.name)
	if err == nil && strings.Contains(saved, "\n*"+t.name+"\n") {
		t.iptables, t.lost, t.text = program, "", withoutCounters(saved)
	}
}

var counters = lazy.Regexp(`\[\d+:\d+\]`)

// withoutCounters is what iptables-save prints, without what changes by itself.
func withoutCounters(saved string) string {
	var b strings.Builder
	for line := range strings.Lines(saved) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(counters().ReplaceAllString(line, "[0:0]"))
		}
	}
	return b.String()
}

// foreignTables are the tables with rules that only iptables can print, by family and name.
// Of these, nft may leave out a part without saying so.
func foreignTables() (map[string]bool, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	const header = 4 // of nfnetlink
	rules, err := dump(c, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, header)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	found := map[string]bool{}
	for _, m := range rules {
		all := attributesOf(m[header:])
		for _, e := range attributesOf(find(all, unix.NFTA_RULE_EXPRESSIONS)) {
			switch unix.ByteSliceToString(find(attributesOf(e.value), unix.NFTA_EXPR_NAME)) {
			case "match", "target":
				found[families[m[0]]+" "+unix.ByteSliceToString(find(all, unix.NFTA_RULE_TABLE))] = true
			}
		}
	}
	return found, nil
}

// families are the families of tables by their numbers (NFPROTO_INET).
var families = map[byte]string{1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

// legacyTables names the tables that iptables-legacy manages and that have rules.
func legacyTables(names, save string) string {
	b, err := os.ReadFile("/proc/thread-self/net/" + names)
	all := strings.Fields(string(b))
	if err != nil || len(all) == 0 {
		return ""
	}
	saved, err := run(save)
	if err == nil && !strings.Contains(saved, "\n-A ") && !strings.Contains(saved, " DROP ") {
		return ""
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
