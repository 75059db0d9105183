package knockd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// The directives of knockd, in lower case.
var (
	optionKeys = []string{"usesyslog", "logfile", "pidfile", "interface"}
	doorKeys   = []string{
		"sequence", "one_time_sequences", "seq_timeout", "tcpflags", "target", "cmd_timeout",
		"start_command", "start_command_6", "stop_command", "stop_command_6",
	}
	aliases = map[string]string{"timeout": "seq_timeout", "command": "start_command", "command_6": "start_command_6"}
)

// config is what a configuration says.
type config struct {
	iface  *lang.Iface // where knockd listens; nil if that is not said
	syslog bool
	doors  []*door
}

// entry is a directive.
type entry struct{ key, value word }

// at is what a finding about the entry points to.
func (e entry) at() word {
	if e.value.text == "" {
		return e.key
	}
	return e.value
}

// parser reads a configuration and collects what is to be said of it.
type parser struct {
	found  []lang.Finding
	config config
	begun  bool  // a section has
	door   *door // nil in [options]
}

// parse reads a configuration. What knockd itself would refuse is an error.
func parse(src string) (*config, []lang.Finding) {
	p := &parser{}
	for _, line := range lines(src) {
		p.line(line)
	}
	for _, d := range p.config.doors {
		_, once := d.entries["one_time_sequences"]
		if _, ok := d.entries["sequence"]; !ok && !once {
			f := p.error(d.section, "door %s has no sequence", lang.Quote(d.section.text))
			f.Hint = "sequence = 7000,8000,9000"
			if strings.EqualFold(d.section.text, "options") {
				f.Hint = "knockd knows [options] only in lower case"
			}
		}
	}
	if len(p.config.doors) == 0 && len(p.found) == 0 {
		p.error(word{start: lang.Pos{Line: 1, Column: 1}}, "there is no door in this file").
			Hint = "a door is a section: [openSSH], and below it sequence = 7000,8000,9000"
	}
	return &p.config, p.found
}

func (p *parser) error(at word, format string, args ...any) *lang.Finding {
	p.found = append(p.found, finding(lang.Error, at, format, args...))
	return &p.found[len(p.found)-1]
}

func (p *parser) warn(at word, format string, args ...any) {
	p.found = append(p.found, finding(lang.Warning, at, format, args...))
}

func finding(severity lang.Severity, at word, format string, args ...any) lang.Finding {
	return lang.Finding{Severity: severity, Span: at.span(), Message: fmt.Sprintf(format, args...)}
}

func (p *parser) line(line word) {
	text := line.text
	switch {
	case text == "" || text[0] == '#':
	case text[0] == '[' && text[len(text)-1] == ']' && len(text) > 1:
		p.begin(line.from(1).to(len(text) - 2))
	case text[0] == '[':
		p.error(line, "this section has no `]`").Hint = "knockd allows nothing after it on its line"
	case !p.begun:
		p.error(line, "this is outside of any section").Hint = "[options]"
	default:
		p.directive(line)
	}
}

func (p *parser) begin(name word) {
	p.begun, p.door = true, nil
	switch name.text {
	case "":
		p.error(name, "this section has no name").Hint = "[openSSH]"
		p.door = newDoor(name)
	case "options":
	default:
		p.door = newDoor(name)
		p.config.doors = append(p.config.doors, p.door)
	}
}

func (p *parser) directive(line word) {
	key, value, valued := line.cut('=')
	name := strings.ToLower(key.text)
	if to, ok := aliases[name]; ok {
		name = to
	}
	if name == "usesyslog" || !valued {
		p.valueless(line, name, valued)
		return
	}
	keys := doorKeys
	if p.door == nil {
		keys = optionKeys
	}
	e := entry{key, value}
	switch {
	case !slices.Contains(keys, name):
		p.unknown(key, name, keys)
	case p.door == nil:
		p.option(name, e)
	default:
		p.doorEntry(p.door, name, e)
	}
}

// valueless is UseSyslog, the one directive without a value, or one that lacks it.
func (p *parser) valueless(line word, name string, valued bool) {
	switch {
	case name != "usesyslog":
		f := p.error(line, "expected `KEY = VALUE`, found %s", lang.Quote(line.text))
		if lang.Nearest(name, []string{"usesyslog"}) != "" {
			f.Hint = "did you mean `UseSyslog`?"
		}
	case valued:
		p.error(line, "`UseSyslog` takes no value").Hint = "UseSyslog"
	default:
		p.config.syslog = true
	}
}

func (p *parser) unknown(key word, name string, keys []string) {
	f := p.error(key, "unknown directive %s", lang.Quote(key.text))
	if p.door != nil {
		keys = slices.Concat(keys, slices.Sorted(maps.Keys(aliases)))
	}
	switch {
	case slices.Contains(doorKeys, name):
		f.Message = fmt.Sprintf("%s belongs in the section of a door", lang.Quote(key.text))
	case slices.Contains(optionKeys, name):
		f.Message = fmt.Sprintf("%s belongs in [options]", lang.Quote(key.text))
	default:
		f.Hint = lang.DidYouMean(name, keys...)
	}
}

// option reads a directive of [options]. The paths of the log and of the process
// number are of no use without a daemon.
func (p *parser) option(name string, e entry) {
	if name != "interface" {
		return
	}
	switch {
	case p.config.iface != nil:
		p.warn(e.at(), "knockd listens on the first interface given, not on this one")
	case lang.NotIface(e.value.text) != "" || strings.HasSuffix(e.value.text, "*"):
		p.error(e.at(), "%s is not the name of an interface", lang.Quote(e.value.text)).Hint = "interface = eth0"
	default:
		p.config.iface = &lang.Iface{Name: e.value.text, Span: e.value.span()}
	}
}
