package lsp

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"example.org/knockc/lang"
	"example.org/knockc/spec"
)

// hovering says what stands at a position, and what was found there.
func hovering(a asked, p positionParams) (*hover, error) {
	d := a.of(p.TextDocument)
	if d == nil {
		return nil, nil
	}
	offset := d.offset(p.Position)
	text, at := a.about(d, offset)
	_, found := d.examined()
	if d.trace {
		found = d.traceFindings()
	}
	for _, f := range found {
		if within(f.Span, offset) {
			if text == "" {
				at = f.Span
			} else {
				text += "\n\n---\n\n"
			}
			text += aboutCode(f.Code)
		}
	}
	if text == "" {
		return nil, nil
	}
	return &hover{markdown(text), d.rangeOf(at)}, nil
}

// about says what stands at an offset.
func (a asked) about(d *document, offset int) (text string, at lang.Span) {
	if name, at, policy := a.knockAt(d, offset); name != "" {
		if target := a.document(policy); target != nil {
			if k := target.knock(name); k != nil {
				return "```knock\n" + k.String() + "\n```", at
			}
		}
	}
	page := tracePage
	if !d.trace {
		policy, _ := d.examined()
		if text, at := stepAt(policy, offset); text != "" {
			return text, at
		}
		page = policyPage
	}
	word, at := d.word(offset)
	return page(word), at
}

// word is the word at an offset.
func (d *document) word(offset int) (string, lang.Span) {
	begin, end := offset, offset
	for begin > 0 && isOfWord(rune(d.src[begin-1])) {
		begin--
	}
	for end < len(d.src) && isOfWord(rune(d.src[end])) {
		end++
	}
	return d.src[begin:end], lang.Span{Start: lang.Pos{Offset: begin}, End: lang.Pos{Offset: end}}
}

// policyPage is what language.md says of a word of policies, up to its examples; "" if it
// is no clause or setting.
func policyPage(word string) string {
	if !slices.Contains(lang.ClauseWords, word) && !slices.Contains(lang.SettingWords, word) {
		return ""
	}
	for heading, text := range sections("language.md") {
		if slices.Contains(strings.Fields(heading), word) {
			text, _, _ = strings.Cut(text, "```")
			return "**" + word + "**\n\n" + plain(text)
		}
	}
	return ""
}

// tracePage is what traces.md says of a word of traces, in its tables.
func tracePage(word string) string {
	if word == "" {
		return ""
	}
	row := regexp.MustCompile("(?m)^\\| ([^|]*`" + regexp.QuoteMeta(word) + "\\b[^|]*) \\| ([^|]*) \\|")
	if m := row.FindStringSubmatch(page("traces.md")); m != nil {
		return "**" + strings.ReplaceAll(m[1], "`", "") + "**\n\n" + plain(m[2])
	}
	return ""
}

// aboutCode is what findings.md says of a code.
func aboutCode(code lang.Code) string {
	for heading, text := range sections("findings.md") {
		if strings.HasPrefix(heading, string(code)+" ") {
			return "**" + heading + "**\n\n" + plain(text)
		}
	}
	return string(code)
}

func page(name string) string {
	text, err := spec.Pages.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(text)
}

// sections are those of a page at the third level, by heading.
func sections(name string) map[string]string { return pages()[name] }

var pages = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, name := range []string{"language.md", "findings.md"} {
		all[name] = map[string]string{}
		for _, section := range strings.Split(page(name), "\n### ")[1:] {
			section, _, _ = strings.Cut(section, "\n## ")
			heading, text, _ := strings.Cut(section, "\n")
			all[name][heading] = strings.TrimSpace(text)
		}
	}
	return all
})

var link = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[([^\[\]]+)\]\([^)]+\)`) })

// plain is Markdown without links, which lead to pages that an editor does not have.
func plain(text string) string { return strings.TrimSpace(link().ReplaceAllString(text, "$1")) }
