//go:build linux

package live

import (
	"cmp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
)

// Preview is what nft would list of the table of a ruleset, without what sources have
// done. The ruleset is loaded into a network namespace made for that, so the kernel has
// agreed to it; that needs CAP_SYS_ADMIN.
func (h *kernel) Preview(r *compiler.Ruleset) (rules string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and the namespace with it
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		there := &kernel{clock: h.clock}
		if err = there.connect(); err != nil {
			return
		}
		defer there.Close()
		if err = there.Load(r, nil); err == nil {
			rules, err = there.Rules(r.Table)
		}
	}()
	<-done
	return rules, err
}

// Rules is what nft lists of a table without what sources have done and without the time of
// loading, in an order that does not depend on the past; empty if there is no table.
func (h *kernel) Rules(table string) (string, error) {
	text, err := steady(h, func() (string, error) { return nftList(table, "--stateless") })
	if err != nil || text == "" {
		return "", err
	}
	l := parseListing(text)
	for _, s := range l.sets {
		s.elements = nil
	}
	return inOrder(timeInMark().ReplaceAllString(l.String(), "$1")), nil
}

// inOrder puts the sets and chains of a listing in the order of their names, and a
// map's elements on lines of their own.
func inOrder(text string) string {
	text = mapElements().ReplaceAllStringFunc(text, func(s string) string {
		var elements []string
		for e := range strings.SplitSeq(mapElements().FindStringSubmatch(s)[1], ",") {
			elements = append(elements, strings.TrimSpace(e))
		}
		slices.SortFunc(elements, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		return "\t\telements = {\n\t\t\t" + strings.Join(elements, ",\n\t\t\t") + "\n\t\t}\n"
	})
	head, rest, _ := strings.Cut(text, "\n")
	blocks := strings.SplitAfter(strings.TrimSuffix(strings.TrimRight(rest, "\n"), "}"), "\n\t}\n")
	for i := range blocks {
		blocks[i] = strings.TrimLeft(blocks[i], "\n")
	}
	slices.Sort(blocks)
	return head + "\n" + strings.Join(blocks, "") + "}\n"
}
