package lsp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// completing is what can stand at a position.
func completing(a asked, p positionParams) ([]completionItem, error) {
	items := []completionItem{}
	d := a.of(p.TextDocument)
	if d == nil {
		return items, nil
	}
	offset := d.offset(p.Position)
	before := strings.TrimRightFunc(d.src[:offset], isOfName)
	if !d.trace {
		return words(lang.Candidates(before), policyPage), nil
	}
	next := trace.Candidates(before[strings.LastIndexByte(before, '\n')+1:])
	items = words(next.Words, tracePage)
	if next.Knocks {
		if policy := a.document(d.policyFile()); policy != nil && !policy.trace {
			examined, _ := policy.examined()
			for _, k := range examined.Knocks {
				text := markdown("```knock\n" + k.String() + "\n```")
				items = append(items, completionItem{k.Name.Text, itemFunction, &text})
			}
		}
	}
	if next.Files {
		entries, _ := os.ReadDir(filepath.Dir(d.path))
		for _, entry := range entries {
			if filepath.Ext(entry.Name()) == ".knock" {
				items = append(items, completionItem{entry.Name(), itemFile, nil})
			}
		}
	}
	return items, nil
}

// isOfName reports whether a character may be of a name, of a knock or a file, that has been
// begun.
func isOfName(r rune) bool { return isOfWord(r) || r == '-' || r == '.' }

// isOfWord reports whether a character may be of a word that has been begun.
func isOfWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// words are items for some words, with what a page says of each.
func words(all []string, page func(word string) string) []completionItem {
	items := []completionItem{}
	for _, word := range slices.Compact(all) {
		item := completionItem{Label: word, Kind: itemKeyword}
		if text := page(word); text != "" {
			about := markdown(text)
			item.Documentation = &about
		}
		items = append(items, item)
	}
	return items
}
