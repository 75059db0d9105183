package lang

import (
	"slices"
	"strings"
)

// values are what follows a clause's or setting's keyword; its methods take
// from the front.
type values struct {
	p     *parser
	word  string
	at    Span     // of the keyword
	words []string // that can be values
	terms []termNode
}

// next takes the next value; false if there is none, or if what stands there
// is a word that cannot be a value.
func (v *values) next() (termNode, bool) {
	if len(v.terms) == 0 || v.terms[0].isWord() || v.terms[0].isMisspeltPer() {
		return termNode{}, false
	}
	term := v.terms[0]
	v.terms = v.terms[1:]
	return term, true
}

// takeWord takes the next value if it is one of the words.
func (v *values) takeWord(words ...string) (string, bool) {
	if len(v.terms) == 0 || !slices.Contains(words, v.terms[0].text()) {
		return "", false
	}
	word := v.terms[0].text()
	v.terms = v.terms[1:]
	return word, true
}

// misspelt takes a word that is nearer to one of the given words than to any
// clause, and says so.
func (v *values) misspelt(words ...string) bool {
	if len(v.terms) == 0 || !v.terms[0].isWord() {
		return false
	}
	text := v.terms[0].text()
	if near := Nearest(text, append(slices.Clone(words), ClauseWords...)); !slices.Contains(words, near) {
		return false
	}
	v.p.add(CodeUnknown, v.terms[0].span(), "unknown value %s of `%s`", Quote(text), v.word).didYouMean(text, words)
	v.terms = v.terms[1:]
	return true
}

// missing says that a value is wanted and none stands there.
func (v *values) missing(what, hint string) {
	if len(v.terms) > 0 {
		v.p.add(CodeSyntax, v.terms[0].span(), "expected %s after `%s`, found %s", what, v.word, Quote(v.terms[0].text())).hint("%s", hint)
		v.terms = nil
		return
	}
	v.p.add(CodeSyntax, v.at, "`%s` needs %s", v.word, what).hint("%s", hint)
}

// end says what is left over: a word is a clause that nobody knows, which the
// rest belongs to.
func (v *values) end() {
	if len(v.terms) == 0 {
		return
	}
	if extra := v.terms[0]; extra.isWord() || extra.isMisspeltPer() {
		v.p.unknownClauses(v.terms)
	} else {
		v.p.add(CodeSyntax, extra.span(), "unexpected %s after `%s`", Quote(extra.text()), v.word).leaveOut()
	}
}

func (v *values) prefixes(prefixes *[]Prefix, example string) {
	if len(v.terms) == 0 || v.terms[0].isWord() {
		hint := v.word + " " + example
		if len(v.terms) > 0 && slices.Contains(everyone, v.terms[0].text()) {
			hint = "leave `" + v.word + "` out: then it is everyone"
		} else if len(v.terms) > 0 && strings.Contains(v.terms[0].text(), ".") {
			hint = "write addresses: what a name stands for can change"
		}
		v.missing("a prefix", hint)
		return
	}
	for term, ok := v.next(); ok; term, ok = v.next() {
		v.p.prefix(term, prefixes)
	}
}

func (v *values) ifaces(ifaces *[]Iface) {
	if len(v.terms) == 0 {
		v.missing("an interface", v.word+` eth0 "br-lan"`)
		return
	}
	if first := v.terms[0]; first.isWord() && (first.text() == "lo" || Nearest(first.text(), ClauseWords) == "") {
		v.p.iface(first, ifaces)
		v.terms = v.terms[1:]
	}
	for term, ok := v.next(); ok; term, ok = v.next() {
		v.p.iface(term, ifaces)
	}
}
