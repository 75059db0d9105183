package compiler

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/knockc/internal/proportion"
	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
)

// hostilePolicies are in order, but what n parts of them say of each other takes many
// rules, or much to find out.
var hostilePolicies = map[string]func(n int) string{
	"knocks": func(n int) string { return seeded.Policy(10 * n) },
	"knocks that reset": func(n int) string {
		return strings.ReplaceAll(seeded.Policy(10*n), ">\n", "reset any revoke close 1 2 3 >\n")
	},
	"knocks for one service": func(n int) string {
		return each(10*n, func(i int) string { return fmt.Sprintf("knock k%d < 7 %d 9 -> 22 once per /24 /64 >\n", i, 1000+i) })
	},
	"knocks with addresses": func(n int) string {
		return each(10*n, func(i int) string {
			return fmt.Sprintf("knock k%d < 7 %d 9 -> 22 at 10.%d.%d.1 reset known revoke >\n", i, 1000+i, i>>8, i&255)
		})
	},
	"many addresses": func(n int) string {
		return "trust" + prefixes(10*n) + " \"a\" knock a < 7 8 9 -> 22 at" + prefixes(10*n) + " from" + prefixes(10*n) + " reset any >\n"
	},
	"many interfaces": func(n int) string {
		ifaces := each(10*n, func(i int) string { return fmt.Sprint(" e", i) })
		return "trust" + ifaces + " knock a < 7 8 9 -> 22 on" + ifaces + " reset any >\n"
	},
	"many services": func(n int) string {
		ports := func(from int) string {
			return each(10*n, func(i int) string { return fmt.Sprint(" ", from+2*i) })
		}
		return "open" + ports(10000) + " from 10.0.0.0/8 knock a < 7 8 9 ->" + ports(10000) + ports(30001) + " reset any >\n"
	},
	"ranges within ranges": func(n int) string {
		return each(10*n, func(i int) string { return fmt.Sprintf("knock k%d < 7 %d 9 -> %d-%d >\n", i, 1000+i, 30000-i, 31000+i) })
	},
	"pings": func(n int) string {
		return each(10*n, func(i int) string { return fmt.Sprintf("knock k%d < ping ping/%d 7 -> 22 >\n", i, i) })
	},
	"sources and interfaces": func(n int) string {
		return "knock a < 7 8 9 -> 22 from" + prefixes(5*n) + " on" + each(5*n, func(i int) string { return fmt.Sprint(" e", i) }) + " >\n"
	},
	"kinds of sources": func(n int) string {
		return each(10*n, func(i int) string {
			return fmt.Sprintf("knock k%d < 7 %d 9 -> 22 per /%d /%d reset any revoke >\n", i, 1000+i, 1+i%32, 1+i/32%128)
		})
	},
	"knocks with codes": func(n int) string {
		return each(10*n, func(i int) string {
			return fmt.Sprintf("knock k%d < 7 otp/9 -> 22 key \"k\" period 1m ahead 1h at 10.%d.%d.1 ::%d reset known >\n", i, i>>8, i&255, i)
		})
	},
	"long sequences": func(n int) string {
		return each(max(1, n/8), func(i int) string {
			return fmt.Sprintf("knock k%d <%s -> 22 reset any >\n", i, each(lang.MaxSteps, func(j int) string { return fmt.Sprint(" ", 1000+(77*j*j+i)%20000) }))
		})
	},
}

func prefixes(n int) string {
	return each(n, func(i int) string { return fmt.Sprintf(" 10.%d.%d.%d", i>>16, i>>8&255, i&255) })
}

func each(n int, part func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(part(i))
	}
	return b.String()
}

// build builds a policy in some room, and counts the instructions of its rules.
func build(t *testing.T, text string, r *room) (p *lang.Policy, instructions int) {
	t.Helper()
	p, found := lang.Parse([]byte(text))
	symbols, collisions := symbolTable(p)
	if lang.HasErrors(append(found, collisions...)) {
		t.Fatal(append(found, collisions...)[0])
	}
	b := newBuilder(p, symbols, r)
	b.build()
	for _, c := range b.ruleset.Chains {
		for _, rule := range c.Rules {
			instructions += len(rule.Instructions)
			for _, i := range rule.Instructions {
				instructions += i.Elements()
			}
		}
	}
	return p, instructions
}

// TestRoom: there are never more rules than there is room for, and what there would be
// more is not even counted to its end.
func TestRoom(t *testing.T) {
	for name, policy := range hostilePolicies {
		text := policy(50)
		for _, size := range []int{0, 1000, 5000} {
			r := &room{left: size}
			p, made := build(t, text, r)
			if made > size {
				t.Errorf("%s: %d instructions in room for %d", name, made, size)
			}
			if most := 20_000; r.left < -most {
				t.Errorf("%s: in room for %d, %d more are made", name, size, -r.left)
			}
			if f := r.finding(); !r.full || f.Span.End.Line > 1+strings.Count(text, "\n") || len(p.Knocks) == 0 {
				t.Errorf("%s: in room for %d: %v, %v", name, size, r.full, f)
			}
		}
	}
}

// TestAtMost: what is said to be the most that a policy may take is enough, whatever
// clauses it has.
func TestAtMost(t *testing.T) {
	files, err := filepath.Glob("../testdata/policies/*.knock")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	policies := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		policies[file] = string(text)
	}
	for name, policy := range hostilePolicies {
		for _, n := range []int{1, 4, 20} {
			policies[fmt.Sprint(n, " ", name)] = policy(n)
		}
	}
	had := map[string]bool{}
	for name, text := range policies {
		for _, settings := range []string{"", "hook input\n"} {
			if settings != "" && strings.Contains(text, "hook") {
				continue
			}
			r := &room{left: math.MaxInt / 2}
			p, _ := build(t, settings+text, r)
			if taken, most := math.MaxInt/2-r.left, atMost(p); taken > most {
				t.Errorf("%s: %d instructions, said to be at most %d", name, taken, most)
			}
			for _, k := range p.Knocks {
				for clause := range k.Given {
					had[clause.String()] = true
				}
			}
		}
	}
	for _, word := range lang.ClauseWords {
		if !had[word] {
			t.Errorf("no policy here has `%s`", word)
		}
	}
	if p, _ := build(t, seeded.Bodies(100), &room{}); atMost(p) > MaxInstructions {
		t.Errorf("a hundred knocks are compiled to see that they have room: %d", atMost(p))
	}
}

// TestHostilePolicies compiles policies of two sizes: where there are not too many rules,
// that takes time in proportion to the number of parts.
func TestHostilePolicies(t *testing.T) {
	for name, policy := range hostilePolicies {
		proportion.Check(t, name, 20, func(n int) { build(t, policy(n), &room{left: 100_000}) })
	}
}
