//go:build linux

package live

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
)

func compiled(t testing.TB, policy string) *compiler.Ruleset {
	t.Helper()
	p, found := lang.Examine([]byte(policy))
	if lang.HasErrors(found) {
		t.Fatalf("%v\nin\n%s", found, policy)
	}
	result, found := compiler.Compile(p)
	if result == nil {
		t.Fatal(found)
	}
	return result.Ruleset
}

// here is the table that the tests load.
var here = Location{Table: "knockc"}

// TestByHand opens doors and shuts them, and shows who stands where.
func TestByHand(t *testing.T) {
	_, k := newMemory(t)
	h := &Host{clock: k.clock, tables: k, notes: freeNotes{}}
	ssh, web, home := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParsePrefix("192.0.2.0/24")
	var notLoaded *NotLoadedError
	if _, err := h.Grant(here, "ssh", ssh, 0); !errors.As(err, &notLoaded) {
		t.Errorf("nothing is loaded, and grant says %v", err)
	}
	apply := func(policy string) {
		t.Helper()
		if _, err := h.Apply(compiled(t, policy), Options{}); err != nil {
			t.Fatal(err)
		}
	}
	stand := func(want ...string) {
		t.Helper()
		s, err := h.Status(here, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range s.Standings {
			got = append(got, fmt.Sprintf("%s %s open %v for %s", d.Knock, d.Source, d.Role == compiler.Grant, during(d.Left)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("where they stand:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	grant := func(knock string, src netip.Addr, lasts, want time.Duration) {
		t.Helper()
		if g, err := h.Grant(here, knock, src, lasts); err != nil || g.For != want || g.Source.Addr() != src {
			t.Errorf("granted %+v, %v; want for %s", g, err, want)
		}
	}
	apply("knock ssh < 1001 1002 -> 22 grant 30s > knock web < 2001 2002 -> 80 grant forever >")
	grant("ssh", ssh, 0, 30*time.Second)
	grant("ssh", ssh, time.Minute, time.Minute)
	grant("ssh", ssh, 0, time.Minute) // it lasts longer already
	grant("web", web, 0, lang.Forever)
	stand("ssh 192.0.2.7/32 open true for 1m", "web 2001:db8::7/128 open true for ever")
	if _, err := h.Grant(here, "web", web, time.Hour); err == nil {
		t.Error("web can be granted for a time")
	}
	var unknown *UnknownKnockError
	if _, err := h.Revoke(here, "shh", home); !errors.As(err, &unknown) || !slices.Equal(unknown.Known, []string{"ssh", "web"}) {
		t.Errorf("an unknown knock: %v", err)
	}
	if ended, err := h.Revoke(here, "", home); err != nil || len(ended) != 1 || ended[0].Knock != "ssh" {
		t.Errorf("revoked %+v, %v", ended, err)
	}
	stand("web 2001:db8::7/128 open true for ever")
	apply("knock ssh < 1001 1002 -> 22 grant 30s >") // web goes, and its grant for ever
	apply("knock ssh < 1001 1002 -> 22 grant 30s > knock web < 2001 2002 -> 80 grant forever >")
	stand()
	if r, err := h.Remove(here); err != nil || len(r.Knocks) != 2 || r.Trial != nil {
		t.Errorf("removed is %+v, %v", r, err)
	}
	if table, err := k.Table("knockc"); table != nil || err != nil {
		t.Errorf("left is %+v, %v", table, err)
	}
}

func during(d time.Duration) string {
	if d == lang.Forever {
		return "ever"
	}
	return lang.FormatDuration(d)
}

// TestGuardOfDoors: the guard has an element for each grant that needs one and no others,
// whatever rules were loaded meanwhile.
func TestGuardOfDoors(t *testing.T) {
	few, many := compiled(t, crowdedPolicy(7)), compiled(t, crowdedPolicy(10))
	_, k := newMemory(t)
	h := &Host{clock: k.clock, tables: k, notes: freeNotes{}}
	guarded := func(want int) {
		t.Helper()
		s, err := h.Status(here, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range s.Sets {
			if set.Name == "doors4" && set.Elements != want {
				t.Errorf("the guard has %d elements, want %d", set.Elements, want)
			}
		}
	}
	for _, r := range []*compiler.Ruleset{few, many} {
		if _, err := h.Apply(r, Options{}); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if _, err := h.Grant(here, "k0", netip.AddrFrom4([4]byte{192, 0, 2, byte(len(r.Chains) + i)}), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	guarded(6)
	if _, err := h.Revoke(here, "k0", netip.MustParsePrefix("192.0.2.0/24")); err != nil {
		t.Fatal(err)
	}
	guarded(0)
}

// crowdedPolicy is one whose port 22 more than a few knocks guard.
func crowdedPolicy(knocks int) string {
	var policy strings.Builder
	for i := range knocks {
		fmt.Fprintf(&policy, "knock k%d < %d %d -> 22 grant forever close %d >\n", i, 1001+i, 2001+i, 3001+i)
	}
	return policy.String()
}

// TestForeign: a table of someone else's is neither read nor changed.
func TestForeign(t *testing.T) {
	m, k := newMemory(t)
	h := &Host{clock: k.clock, tables: k, notes: freeNotes{}}
	k.conn.AddTable(tableOf("knockc"))
	if err := k.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	_, applied := h.Apply(compiled(t, crowdedPolicy(1)), Options{})
	_, removed := h.Remove(here)
	_, read := h.Status(here, nil)
	for _, err := range []error{applied, removed, read} {
		if foreign := (*ForeignError)(nil); !errors.As(err, &foreign) {
			t.Errorf("it says %v", err)
		}
	}
	if len(m.objects) != 1 {
		t.Errorf("there are %v", m.objects)
	}
}

// TestChangedByHand: what someone did to the table is told.
func TestChangedByHand(t *testing.T) {
	r := compiled(t, crowdedPolicy(1))
	for _, test := range []struct {
		change func(*kernel)
		told   string
	}{
		{func(k *kernel) {}, ""},
		{func(k *kernel) { k.conn.FlushSet(&nftables.Set{Table: tableOf("knockc"), Name: "ports"}) }, "map ports has 0 elements, not 4"},
		{func(k *kernel) { k.conn.DelSet(&nftables.Set{Table: tableOf("knockc"), Name: "grants4"}) }, "set grants4 is missing"},
		{func(k *kernel) { k.conn.FlushChain(&nftables.Chain{Table: tableOf("knockc"), Name: "tcp_22"}) }, "chain tcp_22 has 0 rules, not 4"},
		{func(k *kernel) {
			k.conn.AddChain(&nftables.Chain{Table: tableOf("knockc"), Name: "mine", Hooknum: nftables.ChainHookInput,
				Priority: nftables.ChainPriorityFilter, Type: nftables.ChainTypeFilter})
		}, "chain mine is at a hook, which it should not be"},
	} {
		k := loadedInMemory(t, r)
		h := &Host{clock: k.clock, tables: k, notes: freeNotes{}}
		test.change(k)
		if err := k.conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if s, err := h.Status(here, r); err != nil || s.ChangedByHand != test.told {
			t.Errorf("%v, told is %q, want %q", err, s.ChangedByHand, test.told)
		}
		if s, err := h.Status(here, compiled(t, crowdedPolicy(2))); err != nil || s.ChangedByHand != "" {
			t.Errorf("of another policy told is %q, %v", s.ChangedByHand, err)
		}
	}
}

// TestRequests counts what apply asks the kernel for over a policy that is loaded: each
// chain of that is read once, and all else does not depend on how many there are.
func TestRequests(t *testing.T) {
	others := map[int]int{}
	for _, knocks := range []int{10, 50} {
		m, k := newMemory(t)
		r := compiled(t, seeded.Policy(knocks))
		h := &Host{clock: k.clock, tables: k, notes: freeNotes{}}
		for range 2 {
			clear(m.requests)
			if _, err := h.Apply(r, Options{}); err != nil {
				t.Fatal(err)
			}
		}
		lists := m.requests[nfTables|unix.NFT_MSG_GETRULE]
		if most := len(r.Chains) + 5; lists > most {
			t.Errorf("over %d knocks apply lists rules %d times, want no more than %d: %d chains", knocks, lists, most, len(r.Chains))
		}
		for kind, n := range m.requests {
			switch kind {
			case nfTables | unix.NFT_MSG_GETTABLE, nfTables | unix.NFT_MSG_GETCHAIN, nfTables | unix.NFT_MSG_GETSET,
				nfTables | unix.NFT_MSG_GETSETELEM, nfTables | unix.NFT_MSG_GETOBJ:
				others[knocks] += n
			}
		}
	}
	if others[10] != others[50] || others[10] > 20 {
		t.Errorf("apply asks for other lists %v times, by the number of knocks", others)
	}
}

// freeNotes are those of a host where nobody else is.
type freeNotes struct{ notes }

func (freeNotes) Lock(string, time.Duration) (unlock func(), err error) { return func() {}, nil }
func (freeNotes) Find(string) (*note, error)                            { return nil, nil }
