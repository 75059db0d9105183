package lang

import "testing"

// TestEveryWordIsRead gives each clause and setting to the parser: it must know what
// it reads.
func TestEveryWordIsRead(t *testing.T) {
	for i, word := range ClauseWords {
		policy, found := Parse([]byte("knock a < 1001 1003 -> 22 " + word + " >"))
		if _, ok := policy.Knocks[0].Given[Clause(i)]; !ok {
			t.Errorf("`%s` is not read as a clause: %v", word, found)
		}
	}
	for i, word := range SettingWords {
		policy, found := Parse([]byte(word))
		if _, ok := policy.Settings.Given[Setting(i)]; !ok {
			t.Errorf("`%s` is not read as a setting: %v", word, found)
		}
	}
}
