package main

import (
	"errors"
	"fmt"
	"strings"

	"example.org/knockc/knockd"
	"example.org/knockc/lang"
)

// clientForm is a form in which client prints a knock. -format asks for it by name.
type clientForm struct {
	name  string
	also  []string // what people call it too
	short string

	heading  string // where all forms are printed; "": it is not printed there
	withCode string // the heading if a step needs a one-time code; "": the same

	needs func(*knocking) error           // what the knock must have; nil: nothing
	write func(*knocking) (string, error) // the error names a step that the form cannot have
}

var clientForms = []*clientForm{
	{
		name: "bash", also: []string{"shell"}, short: "a line for any shell; it runs bash",
		heading: "bash, and nothing else", withCode: "bash and openssl",
		write: func(k *knocking) (string, error) { return k.sequence().Bash(k.host, *k.delay), nil },
	},
	{
		name: "nc", also: []string{"sh", "netcat"}, short: "the same; it runs sh and nc",
		heading: "sh and nc", withCode: "sh, openssl and nc",
		write: func(k *knocking) (string, error) { return k.sequence().NC(k.host, *k.delay), nil },
	},
	{
		name: "python", also: []string{"python3", "py"}, short: "lines for any shell; they run Python 3",
		heading: "Python 3",
		write:   func(k *knocking) (string, error) { return k.sequence().Python(k.host, *k.delay), nil },
	},
	{
		name: "powershell", also: []string{"pwsh", "ps1", "windows"}, short: "lines for PowerShell",
		heading: "PowerShell",
		write:   func(k *knocking) (string, error) { return k.sequence().PowerShell(k.host, *k.delay), nil },
	},
	{
		name: "knock", short: "a command for knock(1), the client of knockd",
		heading: "knock(1), Debian's package knockd",
		write:   func(k *knocking) (string, error) { return k.sequence().Debian(k.host, *k.delay) },
	},
	{
		name: "ssh", also: []string{"openssh", "ssh_config"}, short: "an entry for ~/.ssh/config; ssh runs bash",
		heading: "~/.ssh/config, with bash: ssh knocks before it connects",
		needs:   (*knocking).needsTCP,
		write: func(k *knocking) (string, error) {
			return k.sequence().MatchExec(k.host, k.sshPort(), *k.delay), nil
		},
	},
	{
		name: "ssh-nc", also: []string{"proxycommand"}, short: "the same; ssh runs sh and nc",
		heading: "~/.ssh/config, the same with sh and nc",
		needs:   (*knocking).needsTCP,
		write: func(k *knocking) (string, error) {
			return k.sequence().ProxyCommand(k.host, k.sshPort(), *k.delay), nil
		},
	},
	{
		name: "wg-quick", also: []string{"wireguard", "wg"}, short: "a PreUp line for the client of a WireGuard tunnel",
		needs: (*knocking).needsUDP,
		write: func(k *knocking) (string, error) { return k.sequence().WGQuick(k.host, *k.delay), nil },
	},
	{
		name: "knockonports", also: []string{"android", "json"}, short: "a file for KnockOnPorts, an app for Android",
		write: func(k *knocking) (string, error) {
			return k.sequence().KnockOnPorts(k.title(), k.host, *k.delay)
		},
	},
	{
		name: "knockd", also: []string{"knockd.conf", "conf"}, short: "a section of knockd.conf, for a host with knockd",
		needs: (*knocking).needsPolicy,
		write: (*knocking).knockdSection,
	},
}

func formNames(forms []*clientForm) (names []string) {
	for _, f := range forms {
		names = append(names, f.name)
	}
	return names
}

// clientFormTable is what help says of the forms.
func clientFormTable() string {
	var b strings.Builder
	for _, f := range clientForms {
		fmt.Fprintf(&b, "    %-12s  %s\n", f.name, f.short)
	}
	return b.String()
}

// findClientForm finds a form by its name. The error leads to the one that was meant.
func findClientForm(name string) (*clientForm, error) {
	names := formNames(clientForms)
	near := lang.Nearest(name, names)
	for _, f := range clientForms {
		if f.name == name {
			return f, nil
		}
		for _, other := range f.also {
			if strings.EqualFold(name, other) {
				near = f.name
			}
		}
	}
	message := fmt.Sprintf("unknown format `%s`, formats are %s", lang.Printable(name), strings.Join(names, " "))
	if near == "" {
		return nil, usagef("%s", message)
	}
	return nil, &usageError{message, fmt.Sprintf("did you mean `-format %s`?", near)}
}

// text is the knock in the form.
func (f *clientForm) text(k *knocking) (string, error) {
	if f.needs != nil {
		if err := f.needs(k); err != nil {
			return "", err
		}
	}
	return f.write(k)
}

// alone prints the form, or says which forms the knock has instead.
func (f *clientForm) alone(s *streams, k *knocking) error {
	text, err := f.text(k)
	if err == nil {
		fmt.Fprintln(s.out, text)
		return nil
	}
	var can []*clientForm
	for _, other := range clientForms {
		if _, err := other.text(k); err == nil {
			can = append(can, other)
		}
	}
	return &usageError{err.Error(), "formats for this knock: " + strings.Join(formNames(can), " ")}
}

// allForms prints the forms that people can paste, with a heading for each.
func allForms(s *streams, k *knocking) {
	var others []string
	for _, f := range clientForms {
		if f.heading == "" {
			others = append(others, f.name)
			continue
		}
		if f.needs != nil && f.needs(k) != nil {
			continue
		}
		text, err := f.write(k)
		if err != nil {
			fmt.Fprintf(s.out, "# %s\n\n", err)
			continue
		}
		heading := f.heading
		if f.withCode != "" && k.sequence().Secret != nil {
			heading = f.withCode
		}
		fmt.Fprintf(s.out, "# %s\n%s\n\n", heading, text)
	}
	fmt.Fprintf(s.out, "# more forms, with -format: %s\n", strings.Join(others, " "))
}

func (k *knocking) needsTCP() error {
	if k.sshPort() == 0 {
		return fmt.Errorf("knock `%s` guards no TCP service, and ssh needs one", k.knock.Name.Text)
	}
	return nil
}

func (k *knocking) needsUDP() error {
	for _, service := range k.knock.Services {
		if service.Proto == lang.UDP {
			return nil
		}
	}
	if k.steps != nil {
		return nil
	}
	return fmt.Errorf("knock `%s` guards no UDP service, and WireGuard needs one", k.knock.Name.Text)
}

func (k *knocking) needsPolicy() error {
	if k.steps != nil {
		return errors.New("-steps does not say what the knock opens: knockd needs a knock of a policy")
	}
	return nil
}

// title is a name for the knock among those at other hosts.
func (k *knocking) title() string {
	if k.steps != nil {
		return k.host
	}
	return k.knock.Name.Text + " at " + k.host
}

// knockdSection is the section for the host, after a comment with the command for clients.
func (k *knocking) knockdSection() (string, error) {
	section, err := knockd.Export(k.knock)
	if err != nil {
		return "", err
	}
	command, err := k.sequence().Debian(k.host, *k.delay)
	return fmt.Sprintf("# Clients knock with: %s\n%s", command, section), err
}
