package spec

import (
	"maps"
	"slices"
	"time"

	"github.com/google/nftables"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// testKey is that of all codes which the kernel gets. The traces do not say which it is.
var testKey = codes.Key{7}

// payload is what a packet with a code brings.
func (p *pair) payload(e *trace.Event) string {
	c := e.Packet.Code
	if c == nil {
		return ""
	}
	mac := testKey.Of(c.Knock, p.period(e))
	return string(mac[:])
}

// period is that of an event's code.
func (p *pair) period(e *trace.Event) int64 {
	return codes.Period(time.Unix(p.start, 0).Add(e.At+e.Packet.Code.Offset), p.knock(e.Packet.Code.Knock).Period)
}

func (p *pair) knock(name string) *lang.Knock {
	return p.policy.Knocks[slices.IndexFunc(p.policy.Knocks, func(k *lang.Knock) bool { return k.Name.Text == name })]
}

// elements are the codes that packets bring and that are there when they do, by set. They
// are in their sets from the beginning of the trace on, whenever they should get there.
func (p *pair) elements() map[string][]nftables.SetElement {
	all, known := map[string][]nftables.SetElement{}, map[string]bool{}
	for _, e := range p.events {
		if e.Packet == nil || e.Packet.Code == nil {
			continue
		}
		k, period := p.knock(e.Packet.Code.Knock), p.period(&e)
		begins, ends := codes.Begins(period, k.Period).Add(-k.Ahead), codes.Ends(period, k.Period)
		now, set := time.Unix(p.start, 0).Add(e.At), compiler.CodesSet(k.Name.Text)
		payload := p.payload(&e)
		if k.CodeStep() < 0 || known[payload] || now.Before(begins) || !now.Before(ends) {
			continue
		}
		known[payload] = true
		all[set] = append(all[set], nftables.SetElement{Key: []byte(payload[:codes.Size]), Timeout: ends.Sub(time.Unix(p.start, 0))})
	}
	return all
}

// codeSets are the sets of codes in the kernel, those of a fragment too, by their names in
// the ruleset.
func (p *pair) codeSets(conn *nftables.Conn) (map[string]*nftables.Set, error) {
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	all := map[string]*nftables.Set{}
	for _, table := range tables {
		sets, err := conn.GetSets(table)
		if err != nil {
			return nil, err
		}
		for _, s := range sets {
			s.Table = table
			all[s.Name] = s
			if own, ok := compiler.NameIn(p.policy.Settings.Table, s.Name); ok {
				all[own] = s
			}
		}
	}
	return all, nil
}

// loadCodes puts the pair's codes into the kernel, all in one jiffy: the one at which the
// trace begins. If that does not come about, it is false.
func (p *pair) loadCodes(h *netns.Host) (begin int64, sure bool, err error) {
	elements := p.elements()
	if len(elements) == 0 {
		return netns.Jiffy(), true, nil
	}
	err = h.Do(func() error {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return err
		}
		defer conn.CloseLasting()
		sets, err := p.codeSets(conn)
		if err != nil {
			return err
		}
		for try := 0; try < 100 && !sure; try++ {
			for _, name := range slices.Sorted(maps.Keys(elements)) {
				conn.FlushSet(sets[name])
				if err := conn.SetAddElements(sets[name], elements[name]); err != nil {
					return err
				}
			}
			begin = netns.Jiffy()
			if err := conn.Flush(); err != nil {
				return err
			}
			sure = netns.Jiffy() == begin
		}
		return nil
	})
	return begin, sure, err
}
