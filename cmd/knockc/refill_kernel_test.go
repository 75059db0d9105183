//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// vaultOf is a site whose policy has a step with one-time codes. All that its commands print
// is kept.
type vaultOf struct {
	site
	state string // the folder of the notes
	said  *strings.Builder
}

const codePolicy = `knock ssh < otp/62201 -> 22 key "ssh.key" grant 1h >
knock vpn < 7001 otp/62202 -> udp/51820 key "ssh.key" period 1m ahead 1d >
`

func newVaultOf(t *testing.T) vaultOf {
	t.Helper()
	v := vaultOf{newSite(t), t.TempDir(), &strings.Builder{}}
	t.Setenv("KNOCKC_STATE", v.state)
	t.Setenv("TZ", "UTC")
	write(t, v.policy, codePolicy)
	v.does(t, "key", filepath.Join(filepath.Dir(v.policy), "ssh.key"))
	return v
}

func (v vaultOf) does(t *testing.T, args ...string) string {
	t.Helper()
	out, err := v.Host.Command(t.Context(), append([]string{"knockc"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("knockc %q: %v\n%s", args, err, out)
	}
	v.said.Write(out)
	return string(out)
}

// codes are those that the kernel has of a knock. While it makes more room for a set, it may
// tell a code twice or not at all: so two looks have to agree.
func (v vaultOf) codes(t *testing.T, set string) []string {
	t.Helper()
	look := func() []string {
		return regexp.MustCompile(`0x[0-9a-f]{20,}`).FindAllString(v.Host.Run(t, "nft", "list", "set", "inet", "knockc", set), -1)
	}
	for last, tries := look(), 0; ; tries++ {
		now := look()
		if slices.Equal(now, last) || tries == 100 {
			return now
		}
		last = now
	}
}

// TestRefillOnKernel: the commands around codes say what there is, rehearse, and work
// together; several at once are as good as one. No command prints a code or a key.
func TestRefillOnKernel(t *testing.T) {
	v := newVaultOf(t)
	matches := func(said, want string) {
		t.Helper()
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("said\n%swant %s", said, want)
		}
	}
	const moment = `20\d\d-\d\d-\d\d \d\d:\d\d:\d\d`
	said := v.does(t, "apply", "-settle", "0", v.policy)
	matches(said, `(?m)^ssh: 2016\d codes until `+moment+`$`)
	matches(said, `(?m)^vpn: 144\d codes until `+moment+`$`)
	matches(said, `(?m)^\+ knock vpn < 7001 otp/62202 -> udp/51820 >$`)
	if strings.Contains(said, "warning") || strings.Contains(said, "rehearsed") {
		t.Errorf("apply warns:\n%s", said)
	}
	matches(v.does(t, "status", v.policy), `(?m)^ssh: codes until `+moment+`, for (7d|6d23h59m)$`)
	matches(v.does(t, "rehearse"), `works?: strangers are refused`)
	matches(v.does(t, "rehearse", v.policy), `works?: strangers are refused`)
	matches(v.does(t, "apply", "-dry-run", v.policy), `^nothing would change\n`)
	matches(v.does(t, "refill"), `(?m)^ssh: (\d more, )?codes until `+moment+`$`)

	v.Host.Run(t, "nft", "delete", "table", "inet", "knockc")
	v.does(t, "apply", "-settle", "0", "-codes=false", v.policy)
	if n := len(v.codes(t, "ssh_codes")); n > 0 {
		t.Errorf("without -codes there are %d", n)
	}
	matches(v.does(t, "status", "-json"), `"codes": \{\}`)
	matches(v.does(t, "status"), `(?m)^ssh: NO CODES: `)

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if out, err := v.Host.Command(t.Context(), "knockc", "refill", v.policy).CombinedOutput(); err != nil {
				t.Errorf("refill at the same time: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	first := v.codes(t, "ssh_codes")
	if len(first) < 20155 || len(first) > 20162 {
		t.Errorf("several refills load %d codes", len(first))
	}
	matches(v.does(t, "refill"), `(?m)^ssh: (\d more, )?codes until `)

	key := filepath.Join(filepath.Dir(v.policy), "ssh.key")
	write(t, v.other, strings.NewReplacer("1h", "2h", "ssh.key", key).Replace(codePolicy))
	said = v.does(t, "refill", v.other)
	matches(said, `warning: \S+other.knock is not the policy that is loaded`)
	write(t, v.other, "knock ssh <\n")
	broken, status := v.site.said(t, "knockc", "refill", v.other)
	matches(broken, `(?s)warning: the policy that is loaded has got more codes all the same\nssh: .*codes until .*knock .ssh. has no closing`)
	if status != exitInput {
		t.Errorf("a policy with errors: exit status %d", status)
	}
	write(t, v.other, "knock ssh < 7001 -> 22 >\n")
	matches(v.does(t, "apply", "-settle", "0", "-rehearse=false", v.other), `loaded 1 knock`)
	matches(v.does(t, "refill", v.other), `^no knock has a step with one-time codes\n$`)
	matches(v.does(t, "remove"), `^removed table`)

	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append(first, "0x"+strings.TrimSpace(string(text))) {
		if strings.Contains(v.said.String(), secret[2:]) {
			t.Fatalf("a command prints %s", secret)
		}
	}
	if info, err := os.Stat(filepath.Join(v.state, "codes.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the notes: %v, %v", info, err)
	}
}

// TestRefillFailsOnKernel: what cannot be done is said, with status 3, and nothing changed.
func TestRefillFailsOnKernel(t *testing.T) {
	v := newVaultOf(t)
	key := filepath.Join(filepath.Dir(v.policy), "ssh.key")
	v.fails(t, 3, "knockc: no policy is loaded: load one with `knockc apply POLICY`", "knockc", "refill")
	script := filepath.Join(t.TempDir(), "knock.nft")
	v.knockc(t, "build", "-o", script, v.policy)
	v.Host.Run(t, "nft", "-f", script)
	v.fails(t, 3, "knockc: nobody has noted where the keys are of what is loaded in table inet knockc: name the policy with `knockc refill POLICY`", "knockc", "refill")
	v.knockc(t, "refill", v.policy)
	if n := len(v.codes(t, "vpn_codes")); n < 1440 {
		t.Errorf("refilled after a script: %d", n)
	}
	before := v.listing(t)
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("knockc: cannot read the key %s: no such file or directory", key)
	for _, args := range [][]string{{"apply", "-settle", "0", v.policy}, {"apply", "-settle", "0", "-confirm", "5s", v.policy}, {"refill", v.policy}} {
		v.fails(t, 3, gone, append([]string{"knockc"}, args...)...)
	}
	times := regexp.MustCompile(` expires [^,}]*`)
	if after := v.listing(t); times.ReplaceAllString(after, "") != times.ReplaceAllString(before, "") {
		t.Errorf("without a key the table is changed")
	}
}

// TestRefillKilledOnKernel: whoever loads codes is killed at any moment. Used codes stay used,
// others open, and the next command works.
func TestRefillKilledOnKernel(t *testing.T) {
	a, k := newAdversary(t), newKiller(t)
	edited := strings.ReplaceAll(codePolicy, "1h", "2h")
	write(t, a.other, strings.ReplaceAll(edited, "ssh.key", filepath.Join(filepath.Dir(a.policy), "ssh.key")))
	commands := [][]string{{"refill", a.policy}, {"apply", "-settle", "0", "-rehearse=false", a.other}, {"apply", "-settle", "0", "-rehearse=false", a.policy}}
	for i := 0; k.killed < share(6); i++ {
		a.does(t, "apply", "-settle", "0", "-rehearse=false", a.policy) // who was killed may not have noted what is loaded
		a.records(func() {
			a.getsIn(1, fmt.Sprintf("code %d", i), func() { a.client("udp4", "192.0.2.1:62201", 5+int64(i)) })
		})
		a.does(t, "refill") // notes which were used early
		if i%2 == 0 {       // all are to be loaded afresh
			a.Host.Run(t, "nft", "flush", "set", "inet", "knockc", "ssh_codes_loaded")
		}
		command := commands[i%3]
		k.kill(a.Host.Command(t.Context(), append([]string{"knockc"}, command...)...))
		a.getsIn(0, fmt.Sprintf("replays after %q was killed", command), a.replaysOnce)
	}
	a.does(t, "apply", "-settle", "0", "-rehearse=false", a.policy)
	a.getsIn(0, "replays at last", a.replaysOnce)
	a.records(func() {
		a.getsIn(1, "another code", func() { a.client("udp4", "192.0.2.1:62201", 2000) })
	})
	if left, err := filepath.Glob(filepath.Join(a.state, "*.json?*")); err != nil || len(left) > 0 {
		t.Errorf("left are %q, %v", left, err)
	}
}

// TestRefillFragmentOnKernel: refill loads the codes of a fragment in a table of one's own,
// and no used ones when that is loaded again.
func TestRefillFragmentOnKernel(t *testing.T) {
	v := newVaultOf(t)
	early(time.Hour, time.Minute)
	write(t, v.policy, strings.ReplaceAll(codePolicy, "grant 1h", "grant 1h period 1h"))
	fragment, firewall := filepath.Join(t.TempDir(), "knock.nft"), filepath.Join(t.TempDir(), "filter.nft")
	v.knockc(t, "build", "-fragment", "-o", fragment, v.policy)
	shown := regexp.MustCompile(`(?s)\n    add table inet filter\n.*?\n    \}\n`).FindString(buildCommand.long)
	write(t, firewall, strings.ReplaceAll(shown, "/etc/knock.nft", fragment))
	v.Host.Serve(t, "22")
	v.Host.Run(t, "nft", "-f", firewall)
	v.knockc(t, "refill", v.policy)
	v.Peer.Run(t, "knockc", "knock", "-policy", v.policy, "ssh", "192.0.2.1")
	if !v.finds(t, "192.0.2.1", "22", true) {
		t.Errorf("the code does not open:\n%s", v.knockc(t, "status"))
	}
	if said := v.knockc(t, "refill"); !strings.Contains(said, "ssh: codes until ") {
		t.Errorf("a second refill says\n%s", said)
	}
	v.Host.Run(t, "nft", "flush", "ruleset")
	v.Host.Run(t, "nft", "-f", firewall)
	v.knockc(t, "refill")
	v.Peer.Run(t, "knockc", "knock", "-policy", v.policy, "ssh", "192.0.2.1") // the same code
	if !v.finds(t, "192.0.2.1", "22", false) {
		t.Error("a used code opens after the table was lost")
	}
}
