package lang

import "strings"

// Nearest is the word of the list that the text most likely means: the one that
// needs the fewest edits, if these are at most two and fewer than half of its letters;
// "" if there is none. Upper and lower case do not matter.
func Nearest(text string, words []string) string {
	text = strings.ToLower(text)
	best, least := "", 3
	for _, w := range words {
		if len(text) > len(w)+2 || len(w) > len(text)+2 {
			continue
		}
		if d := distance(text, w); d < least && 2*d < len(w) {
			best, least = w, d
		}
	}
	return best
}

// DidYouMean is a hint with the word that the text most likely means; "" if there is
// none.
func DidYouMean(text string, words ...string) string {
	if near := Nearest(text, words); near != "" {
		return meaning(near)
	}
	return ""
}

// Meant is the word that a hint of [DidYouMean] asks for; "" if it is another hint.
func Meant(hint string) string {
	before, after, _ := strings.Cut(meaning("\x00"), "\x00")
	word, begins := strings.CutPrefix(hint, before)
	word, ends := strings.CutSuffix(word, after)
	if !begins || !ends {
		return ""
	}
	return word
}

// meaning is the hint that a word was meant.
func meaning(word string) string { return "did you mean `" + word + "`?" }

// distance counts the letters to insert, delete, replace or swap with a
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
