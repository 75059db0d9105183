package lang

import (
	"slices"
	"strings"
)

// Candidates are the words that can come next after the beginning of a policy, without a
// word that has been begun.
func Candidates(before string) []string {
	s := scanned([]byte(before))
	if n := len(s.comments); n > 0 && s.comments[n-1].Pos.Offset > strings.LastIndexByte(before, '\n') {
		return nil // in a comment
	}
	c := context{}
	for _, t := range s.tokens {
		c.take(t.Value)
	}
	return c.words()
}

// context is where in a policy a text has got to.
type context struct {
	body    string   // the declaration whose body it is in: `knock`, `defaults`, or "" outside
	begun   string   // the declaration that has begun
	arrow   bool     // the services of a knock have begun
	name    bool     // the knock has its name
	clause  string   // the last clause, or setting
	values  int      // the words after it
	allowed []string // clauses that were not given yet
}

// take takes the next token.
func (c *context) take(text string) {
	switch {
	case text == "<" && (c.begun == knockWord || c.begun == SettingDefaults.String()):
		c.body, c.clause, c.values = c.begun, "", 0
		c.allowed = slices.Clone(ClauseWords)
		if c.body != knockWord {
			c.allowed, c.arrow = slices.Clone(defaultWords), true
		}
	case text == ">" && c.body != "":
		*c = context{}
	case text == "->":
		c.arrow = true
	case c.body != "" && c.arrow && slices.Contains(c.allowed, text):
		c.give(text)
	case c.body == "" && slices.Contains(declarationWords, text) && !(c.begun == knockWord && !c.name):
		*c = context{begun: text, clause: text, allowed: slices.Clone(openWords)}
	case c.body == "" && c.begun == SettingOpen.String() && slices.Contains(c.allowed, text):
		c.give(text)
	default:
		c.values++
		c.name = c.name || c.begun == knockWord
	}
}

// give takes a clause.
func (c *context) give(clause string) {
	c.clause, c.values = clause, 0
	c.allowed = slices.DeleteFunc(c.allowed, func(word string) bool { return word == clause })
}

// words are those that can come next.
func (c *context) words() []string {
	var words []string
	switch {
	case c.body == knockWord && !c.arrow:
		return slices.Concat([]string{"->"}, ProtoWords, []string{codeWord})
	case c.body != "" && c.clause == "" && c.body == knockWord:
		return slices.Concat(ProtoWords[:Ping], c.allowed, []string{">"})
	case c.body != "":
		if clause, ok := clauseOf(c.clause); ok {
			words = c.next(clauses[clause].values)
		}
		if c.clause == ClauseClose.String() {
			words = append(words, ProtoWords...)
		}
		if !c.needsValue() {
			words = slices.Concat(words, c.allowed, []string{">"})
		}
		return words
	case c.begun == knockWord && c.name:
		return []string{"<"}
	case c.begun == knockWord:
		return nil
	case c.begun == SettingDefaults.String():
		return []string{"<"}
	}
	if setting, ok := settingOf(c.begun); ok && c.values == 0 {
		if words = settings[setting].values; len(words) > 0 {
			return words
		}
	}
	if c.begun == SettingOpen.String() {
		if c.clause == c.begun {
			words = append(words, ProtoWords[:Ping]...)
		}
		if c.values == 0 {
			return words
		}
		words = append(words, c.allowed...)
	}
	return append(words, declarationWords...)
}

// next are the values of a clause that can come next: `revoke` only comes after another.
func (c *context) next(values []string) []string {
	if c.clause != ClauseReset.String() {
		if c.values > 0 {
			return nil
		}
		return slices.Clone(values)
	}
	switch c.values {
	case 0:
		return slices.Clone(resetModes)
	case 1:
		return []string{"revoke"}
	}
	return nil
}

// needsValue reports whether the last clause lacks what it needs.
func (c *context) needsValue() bool {
	return c.values == 0 && c.clause != "" && c.clause != ClauseOnce.String() && c.clause != ClauseLog.String()
}
