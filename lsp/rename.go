package lsp

import (
	"fmt"

	"example.org/knockc/lang"
)

// preparingRename is what would be renamed; nil if nothing can be.
func preparingRename(a asked, p positionParams) (*textRange, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return nil, nil
	}
	name, at, _ := a.knockAt(d, d.offset(p.Position))
	if name == "" {
		return nil, nil
	}
	r := d.rangeOf(at)
	return &r, nil
}

// renaming renames a knock, in its policy and in all traces of that.
func renaming(a asked, p renameParams) (*workspaceEdit, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return nil, fmt.Errorf("the document is not open")
	}
	name, _, policy := a.knockAt(d, d.offset(p.Position))
	target := a.document(policy)
	switch {
	case name == "":
		return nil, fmt.Errorf("only knocks can be renamed")
	case target == nil || target.knock(name) == nil:
		return nil, fmt.Errorf("the policy %s has no knock `%s`", policy, name)
	case !lang.IsName(p.NewName):
		return nil, fmt.Errorf("%s is not a name: a name has letters, digits, `_` and `-`, and begins with a letter", lang.Quote(p.NewName))
	case p.NewName != name && target.knock(p.NewName) != nil:
		return nil, fmt.Errorf("the policy has a knock `%s` already", p.NewName)
	}
	mentions, unread := a.mentions(policy, name)
	switch {
	case len(unread) > 0:
		return nil, fmt.Errorf("not renamed: %s may name `%s` in lines that cannot be read: mend it first", unread[0], name)
	case a.index.isShort():
		return nil, fmt.Errorf("not renamed: the folder has too many files to find all traces that name `%s`: open a smaller one", name)
	}
	edit := &workspaceEdit{Changes: map[string][]textEdit{}}
	for _, m := range mentions {
		edit.Changes[m.URI] = append(edit.Changes[m.URI], textEdit{m.Range, p.NewName})
	}
	if p.NewName != name {
		a.warnOfRename(target.knock(name), p.NewName)
	}
	return edit, nil
}

// warnOfRename says what else depends on a name.
func (s *server) warnOfRename(k *lang.Knock, name string) {
	message := fmt.Sprintf("When the policy is loaded, knock `%s` begins as a new knock: doors that are open for `%s` shut.", name, k.Name.Text)
	if k.CodeStep() >= 0 {
		message += " Its one-time codes change too: give the new name to all clients."
	}
	const warning = 2
	s.notify("window/showMessage", map[string]any{"type": warning, "message": message})
}
