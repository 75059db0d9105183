//go:build linux

package rehearse

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// rehearsal is one run.
type rehearsal struct {
	Report
	*Subject
	place     *place
	book      *book
	tracer    *nftrace.Tracer
	sets      *sets
	strangers *strangers
	compared  [2]bool   // by family: whether a closed port was looked at
	lost      [2]string // by family: why nothing is good
	inexact   map[nftrace.Chain]string
	uses      int // of services
}

// Run rehearses a policy that is to be loaded, on the host of the thread's network namespace.
// An error says why that cannot be done at all.
func Run(policy *lang.Policy, result *compiler.Result) (*Report, error) {
	return toBeLoaded(policy, result).rehearse()
}

// RunLoaded is Run for a policy that the host has loaded. Its rules are rehearsed as they
// are, also if someone has changed them.
func RunLoaded(s *Subject) (*Report, error) { return s.rehearse() }

func (s *Subject) rehearse() (*Report, error) {
	h, err := readHost()
	if err != nil {
		return nil, inWords(err)
	}
	used := usedUDP()
	f, err := readFirewall(s)
	if err != nil {
		return nil, inWords(err)
	}
	p, err := newPlace(h)
	if err != nil {
		return nil, inWords(err)
	}
	defer p.Close()
	r := &rehearsal{
		Subject: s, place: p, inexact: map[nftrace.Chain]string{},
		book:      &book{nftrace.Book{List: p.Nft}, f.tables},
		strangers: &strangers{place: p, policy: s.Policy, used: map[netip.Prefix]bool{}, ways: map[netip.Addr]way{}},
	}
	r.strangers.mentions = [2][]mention{f.mentions(s, false), f.mentions(s, true)}
	if err := r.prepare(f); err != nil {
		return nil, inWords(err)
	}
	defer r.tracer.Close()
	defer r.sets.close()
	r.look()
	r.lookAtCodes(used)
	if err := r.tryAll(); err != nil {
		return nil, inWords(err)
	}
	return &r.Report, nil
}

// inWords says what a user can do about an error.
func inWords(err error) error {
	switch {
	case errors.Is(err, errNoProgram):
		return fmt.Errorf("%w: apt-get install nftables", err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("this needs root: %w", err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		return fmt.Errorf("this needs TUN devices: %w", err)
	}
	return err
}

// prepare fills the place and notes what it lacks.
func (r *rehearsal) prepare(f *firewall) error {
	if err := r.place.await(); err != nil {
		return err
	}
	if err := r.place.load(f, r.ruleset); err != nil {
		return err
	}
	if t := f.table("inet", r.Table); t != nil && t.lost != "" {
		return fmt.Errorf("%v, which has the policy, could not be copied: %s", t, t.lost)
	}
	err := r.place.Do(func() (err error) {
		if r.tracer, err = nftrace.NewTracer(); err != nil {
			return err
		}
		if r.sets, err = newSets(r.Subject); err != nil {
			r.tracer.Close()
			return err
		}
		if err = r.sets.empty(); err != nil { // the host's sources have no part in it
			r.sets.close()
			r.tracer.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range f.tables {
		if t.lost != "" {
			r.lose(t.String(), t.lost, t.concerns(false), t.concerns(true))
		}
		for c, what := range t.inexact() {
			r.inexact[c] = what
		}
	}
	for i, names := range f.legacy {
		if names != "" {
			r.lose("iptables-legacy ("+names+")", "only tables of nf_tables can be copied", i == 0, i == 1)
		}
	}
	return nil
}

// lose notes what is not in the place, and for which families that matters.
func (r *rehearsal) lose(what, why string, concerns ...bool) {
	r.Lost = append(r.Lost, fmt.Sprintf("%s could not be copied: %s", what, why))
	for i, yes := range concerns {
		if yes && r.lost[i] == "" {
			r.lost[i] = what + " could not be copied"
		}
	}
}

// await waits until the place receives what is sent to its addresses. A thread of the
// kernel makes the routes of IPv6.
func (p *place) await() error {
	for tries := 5000; ; time.Sleep(time.Millisecond) {
		i := slices.IndexFunc(p.of.addresses, func(a address) bool {
			if !p.of.usable(a) {
				return false
			}
			_, kind, _ := p.route(a.prefix.Addr())
			return kind != unix.RTN_LOCAL
		})
		if i < 0 {
			return nil
		}
		if tries--; tries == 0 {
			return fmt.Errorf("the copy does not take the address %v", p.of.addresses[i].prefix)
		}
	}
}

// look looks at the host for what no packet is needed for.
func (r *rehearsal) look() {
	r.Interfaces = []string{"lo"}
	for _, l := range r.place.of.links {
		r.Interfaces = append(r.Interfaces, l.name)
	}
	var named []lang.Iface
	for _, k := range r.Policy.Knocks {
		named = append(named, k.On...)
	}
	for _, o := range r.Policy.Settings.Open {
		named = append(named, o.On...)
	}
	for _, i := range named {
		there := slices.ContainsFunc(r.Interfaces, func(name string) bool { return admits([]lang.Iface{i}, name) })
		if !there && !slices.ContainsFunc(r.Missing, func(m lang.Iface) bool { return m.String() == i.String() }) {
			r.Missing = append(r.Missing, i)
		}
	}
}

// tryAll tries each service of each knock in each family that the host has.
func (r *rehearsal) tryAll() error {
	// Sets must not get full. In each trial two sources do a step, which may be that of every knock.
	trials, often := 0, max(1, r.Policy.Settings.Size/(4*max(1, len(r.Policy.Knocks))))
	for _, k := range r.Policy.Knocks {
		for _, service := range k.Services {
			for _, f := range compiler.Families {
				v6 := f == compiler.IPv6
				if len(r.place.of.ownAddresses(0, v6)) == 0 || !concerns(k, v6) {
					continue
				}
				t := &trial{rehearsal: r, knock: k, service: service, family: f}
				err := t.run()
				if trials++; trials%often == 0 && err == nil {
					err = r.forget()
				}
				if err != nil {
					return fmt.Errorf("knock %s: %w", k.Name.Text, err)
				}
			}
		}
	}
	if len(r.Checks) == 0 && len(r.Policy.Knocks) > 0 {
		return errors.New("the host has no address that a stranger could use")
	}
	return nil
}

// concerns reports whether a family has sources that may knock, and services.
func concerns(k *lang.Knock, v6 bool) bool {
	has := func(all []lang.Prefix) bool {
		return len(all) == 0 || slices.ContainsFunc(all, func(p lang.Prefix) bool { return p.Addr().Is6() == v6 })
	}
	return has(k.From) && has(k.At)
}

// attempt is a packet and what became of it.
type attempt struct {
	netns.Result
	to      netip.Addr
	events  []nftrace.Event
	answers []nftrace.Event // about packets that came of it
}

// reached reports whether the packet passed all rules.
func (a attempt) reached() bool { return a.Accepted || a.Forwarded }

func (r *rehearsal) send(from stranger, p netns.Packet) (a attempt, err error) {
	p.Src, p.Iface, a.to = from.src, from.iface.name, p.Dst
	if a.Result, err = r.place.Send(p); err != nil {
		return a, err
	}
	events, err := r.tracer.Events()
	first := slices.IndexFunc(events, func(e nftrace.Event) bool { return e.Table == tracingTable && e.Name == "first" })
	for _, e := range events {
		switch {
		case e.Table == tracingTable:
		case first >= 0 && e.ID == events[first].ID:
			a.events = append(a.events, e)
		default:
			a.answers = append(a.answers, e)
		}
	}
	return a, err
}

// forget forgets what sources have done.
func (r *rehearsal) forget() error {
	r.strangers.again = false
	return r.sets.empty()
}
