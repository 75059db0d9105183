package lsp

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestPositions: characters count in UTF-16, and what is out of a text is brought into it.
func TestPositions(t *testing.T) {
	text := newText("a→b\r\n😀c\rlast")
	for _, test := range []struct {
		line, character, offset int
	}{
		{0, 0, 0}, {0, 1, 1}, {0, 2, 4}, {0, 3, 5}, {0, 99, 5},
		{1, 0, 7}, {1, 1, 7}, {1, 2, 11}, {1, 3, 12},
		{2, 0, 13}, {2, 4, 17}, {3, 0, 17}, {-1, 5, 0},
	} {
		if got := text.offset(position{test.line, test.character}); got != test.offset {
			t.Errorf("%d:%d is at %d, not at %d", test.line, test.character, got, test.offset)
		}
	}
	for offset, want := range map[int]position{0: {0, 0}, 4: {0, 2}, 5: {0, 3}, 7: {1, 0}, 11: {1, 2}, 17: {2, 4}, 99: {2, 4}} {
		if got := text.position(offset); got != want {
			t.Errorf("offset %d is at %v, not at %v", offset, got, want)
		}
	}
}

// FuzzChanges: after any changes, the text is the client's, which counts in UTF-16.
func FuzzChanges(f *testing.F) {
	f.Add("a→b\r\n😀c\rlast", 0, 1, 1, 2, "x\n")
	f.Add("knock ssh < 1 2 -> 22 >\n", 0, 9, 0, 10, "")
	f.Add("", 0, 0, 5, 5, "a\r")
	f.Fuzz(func(t *testing.T, src string, line, character, toLine, toCharacter int, inserted string) {
		src, inserted = strings.ToValidUTF8(src, "?"), strings.ToValidUTF8(inserted, "?")
		start, end := position{line, character}, position{toLine, toCharacter}
		if compare(start, end) > 0 {
			start, end = end, start
		}
		changed := newText(src).changed([]change{{&textRange{start, end}, inserted}})
		if want := editorText(src, start, end, inserted); changed.src != want {
			t.Errorf("%q from %v to %v, %q: %q, the client has %q", src, start, end, inserted, changed.src, want)
		}
		again := newText(changed.src)
		if !slices.Equal(again.lines, changed.lines) {
			t.Errorf("lines of %q: %v", changed.src, changed.lines)
		}
		edits := changed.edits(src)
		if back := changed.changed(asChanges(edits)); back.src != src {
			t.Errorf("%q made of %q by %v is %q", src, changed.src, edits, back.src)
		}
	})
}

func asChanges(edits []textEdit) (all []change) {
	for _, e := range edits {
		all = append(all, change{&e.Range, e.NewText})
	}
	return all
}

// editorText is what an editor makes of a text that it holds as UTF-16.
func editorText(src string, start, end position, inserted string) string {
	units := utf16.Encode([]rune(src))
	at := func(p position) int {
		if p.Line < 0 {
			return 0
		}
		i, line := 0, 0
		for ; line < p.Line; i++ {
			if i == len(units) {
				return i
			}
			if units[i] == '\r' && i+1 < len(units) && units[i+1] == '\n' {
				i++
			}
			if units[i] == '\n' || units[i] == '\r' {
				line++
			}
		}
		for n := 0; n < p.Character && i < len(units) && units[i] != '\n' && units[i] != '\r'; n++ {
			i++
		}
		if i > 0 && i < len(units) && utf16.IsSurrogate(rune(units[i])) && units[i] >= 0xdc00 {
			i-- // not between the halves of a character
		}
		return i
	}
	from := at(start)
	to := max(from, at(end))
	return string(utf16.Decode(slices.Concat(units[:from], utf16.Encode([]rune(inserted)), units[to:])))
}
