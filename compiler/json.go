package compiler

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"strings"
	"time"

	"knockc/lang"
)

// WriteJSON prints the ruleset for `nft -j -f`, see libnftables-json(5). It does
// what the script of [Ruleset.WriteNFT] does, but for what nft's JSON cannot say:
//
//   - A timeout is a number of whole seconds. With any other WriteJSON prints
//     nothing and returns an error.
//   - Before nft 1.0.9 there is no word for the flag dynamic. It is left out: nft
//     sets it for a set that a rule changes, before 1.0.8 for new sets only
//     (set_evaluate). There the kernel refuses JSON over a ruleset that is loaded
//     ("File exists").
func (r *Ruleset) WriteJSON(w io.Writer) error {
	if err := r.checkTimes(); err != nil {
		return err
	}
	p := jsonPrinter{bufio.NewWriter(w), r.Table}
	p.line(`{"nftables": [`)
	p.line(`{"metainfo": {"json_schema_version": 1}}`)
	p.command("add", "table", object{"name": r.Table})
	p.command("flush", "table", object{"name": r.Table})
	for _, d := range r.Maps() {
		p.command("add", "map", jsonMap(d))
		p.command("flush", "map", object{"name": d.Name})
	}
	for _, c := range r.Chains {
		if c.Hook != nil {
			p.command("add", "chain", object{"name": c.Name})
			p.command("delete", "chain", object{"name": c.Name})
		}
	}
	p.declarations(r)
	for _, d := range r.Maps() {
		if len(d.Entries) == 0 {
			continue
		}
		p.command("add", "element", object{"name": d.Name, "elem": jsonEntries(d)})
	}
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			p.rule(c, rule)
		}
	}
	p.line("]}")
	return p.Flush()
}

// JSONTimeUnit is what the times of nft's JSON are whole multiples of.
const JSONTimeUnit = time.Second

func (r *Ruleset) checkTimes() error {
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			for _, i := range rule.Instructions {
				if u, ok := i.(Update); ok && u.Timeout%JSONTimeUnit != 0 {
					return fmt.Errorf("nft's JSON has timeouts in whole seconds only, found %s", lang.FormatDuration(u.Timeout))
				}
			}
		}
	}
	return nil
}

type object = map[string]any

// jsonPrinter writes commands; a bufio.Writer keeps the first error until Flush.
type jsonPrinter struct {
	*bufio.Writer
	table string
}

func (p jsonPrinter) line(s string) { fmt.Fprintln(p, s) }

// command prints what to do with an object of the table, or the table itself,
// after another command.
func (p jsonPrinter) command(verb, kind string, o object) {
	o["family"] = "inet"
	if kind != "table" {
		o["table"] = p.table
	}
	p.WriteByte(',')
	e := json.NewEncoder(p)
	e.SetEscapeHTML(false)
	e.Encode(object{verb: object{kind: o}}) // these types cannot fail
}

func (p jsonPrinter) declarations(r *Ruleset) {
	for _, c := range r.Counters {
		p.command("add", "counter", object{"name": c.Name, "packets": 0, "bytes": 0})
	}
	for _, s := range r.Sets {
		p.command("add", "set", object{
			"name":  s.Name,
			"type":  []string{[...]string{"ipv4_addr", "ipv6_addr"}[s.Family], "mark"},
			"size":  s.Size,
			"flags": []string{"timeout"},
		})
	}
	for _, c := range r.Chains {
		o := object{"name": c.Name}
		if c.Hook != nil {
			maps.Copy(o, object{"type": "filter", "hook": "input", "prio": c.Hook.Priority, "policy": "accept"})
		}
		p.command("add", "chain", o)
	}
}

func (p jsonPrinter) rule(c *Chain, r Rule) {
	var expressions []object
	for _, i := range r.Instructions {
		expressions = append(expressions, jsonInstruction(i))
	}
	o := object{"chain": c.Name, "expr": expressions}
	if r.Comment != "" {
		o["comment"] = r.Comment
	}
	p.command("add", "rule", o)
}

func jsonInstruction(i Instruction) object {
	switch i := i.(type) {
	case CtState:
		return jsonCtState(i)
	case Iface:
		name := i.Name
		if i.Wildcard {
			name += "*"
		}
		return jsonMatch(false, jsonMeta("iifname"), name)
	case L4Proto:
		return jsonMatch(false, jsonMeta("l4proto"), i.Number)
	case Ports:
		return jsonMatch(i.Not, jsonField("th", "dport"), jsonPorts(i.First, i.Last))
	case TCPFlags:
		masked := object{"&": []any{jsonField("tcp", "flags"), uint8(i.Mask)}}
		return jsonMatch(i.Not, masked, uint8(i.Flags))
	case Local:
		return jsonMatch(i.Not, object{"fib": object{"result": "type", "flags": "daddr"}}, "local")
	case Source:
		return jsonMatch(false, jsonField(i.Family.header(), "saddr"), jsonOneOrSet(i.Prefixes, jsonPrefix))
	case ICMP:
		protocol := [...]string{"icmp", "icmpv6"}[i.Family]
		return jsonMatch(false, jsonField(protocol, "type"), jsonOneOrSet(i.Types, func(t uint8) any { return t }))
	case Length:
		return jsonMatch(i.Not, jsonField(i.Family.header(), "length"), i.Bytes)
	case Lookup:
		// See the text's form of it.
		state := object{"|": []any{object{"&": []any{jsonMeta("mark"), 0}}, i.Key.State}}
		return jsonMatch(i.Not, jsonKey(i.Key, state), "@"+i.Set)
	case Update:
		elem := jsonKey(i.Key, i.Key.State)
		if i.Timeout > 0 {
			elem = object{"elem": object{"val": elem, "timeout": i.Timeout / JSONTimeUnit}}
		}
		return object{"set": object{"op": "update", "elem": elem, "set": "@" + i.Set}}
	case Delete:
		return object{"set": object{"op": "delete", "elem": jsonKey(i.Key, i.Key.State), "set": "@" + i.Set}}
	case Count:
		return object{"counter": i.Counter}
	case Log:
		return object{"log": object{"prefix": i.Prefix}}
	case Dispatch:
		return jsonDispatch(i)
	case Lengths:
		return jsonLengths(i)
	case Verdict:
		return jsonVerdict(i)
	case Reject:
		if i.Reset {
			return object{"reject": object{"type": "tcp reset"}}
		}
		return object{"reject": nil}
	}
	panic(fmt.Sprintf("compiler: no JSON for %T", i))
}

func jsonMatch(not bool, left, right any) object {
	op := "=="
	if not {
		op = "!="
	}
	return object{"match": object{"op": op, "left": left, "right": right}}
}

func jsonMeta(key string) object { return object{"meta": object{"key": key}} }

func jsonField(protocol, field string) object {
	return object{"payload": object{"protocol": protocol, "field": field}}
}

func jsonCtState(c CtState) object {
	state := object{"ct": object{"key": "state"}}
	if c.Not {
		return jsonMatch(true, state, c.States.String())
	}
	return object{"match": object{"op": "in", "left": state, "right": strings.Split(c.States.String(), ",")}}
}

func jsonPorts(first, last uint16) any {
	if first == last {
		return first
	}
	return object{"range": []any{first, last}}
}

func jsonPrefix(p netip.Prefix) any {
	if p.IsSingleIP() {
		return p.Addr()
	}
	return object{"prefix": object{"addr": p.Masked().Addr(), "len": p.Bits()}}
}

// jsonOneOrSet is a set unless there is but one value.
func jsonOneOrSet[T any](values []T, f func(T) any) any {
	if len(values) == 1 {
		return f(values[0])
	}
	var elements []any
	for _, v := range values {
		elements = append(elements, f(v))
	}
	return object{"set": elements}
}

func jsonKey(k Key, state any) object {
	address := jsonField(k.Family.header(), "saddr")
	if k.Bits < k.Family.Bits() {
		address = object{"&": []any{address, mask(k.Family, k.Bits)}}
	}
	return object{"concat": []any{address, state}}
}

func jsonDispatch(d Dispatch) object {
	key := object{"concat": []any{jsonMeta("l4proto"), jsonField("th", "dport")}}
	if d.Name != "" {
		return object{"vmap": object{"key": key, "data": "@" + d.Name}}
	}
	return jsonVmap(key, jsonEntries(d))
}

func jsonEntries(d Dispatch) []any {
	var entries []any
	for _, e := range d.Entries {
		key := object{"concat": []any{e.Proto, jsonPorts(e.First, e.Last)}}
		entries = append(entries, []any{key, jsonVerdict(e.Verdict)})
	}
	return entries
}

func jsonMap(d Dispatch) object {
	o := object{"name": d.Name, "type": []string{"inet_proto", "inet_service"}, "map": "verdict"}
	if d.hasRanges() {
		o["flags"] = []string{"interval"}
	}
	return o
}

func jsonLengths(l Lengths) object {
	var entries []any
	for _, e := range l.Entries {
		entries = append(entries, []any{e.Bytes, jsonVerdict(e.Verdict)})
	}
	return jsonVmap(jsonField(l.Family.header(), "length"), entries)
}

func jsonVmap(key object, entries []any) object {
	return object{"vmap": object{"key": key, "data": object{"set": entries}}}
}

func jsonVerdict(v Verdict) object {
	kind := [...]string{Accept: "accept", Drop: "drop", Goto: "goto", Jump: "jump", Return: "return"}[v.Kind]
	if v.Chain == "" {
		return object{kind: nil}
	}
	return object{kind: object{"target": v.Chain}}
}
