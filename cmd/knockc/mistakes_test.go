package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"example.org/knockc/internal/golden"
)

// mistaken are the files that the mistaken command lines name.
var mistaken = map[string]string{
	"policy.knock":  "refuse reject\nknock ssh < 7001 9002 8003 9004 -> 22 reset any >\nknock web < 7101 9102 8103 -> 443 reset any >\n",
	"x.trace":       "policy policy.knock\n0s 192.0.2.7 -> 7001 => pass\n",
	"nftables.conf": "#!/usr/sbin/nft -f\n\nflush ruleset\n",
	"knockd.conf":   "[options]\n\tlogfile = /var/log/knockd.log\n[ssh]\n\tsequence = 7000,8000\n",
	"a.pcap":        "\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + strings.Repeat("\x00", 16),
	"utf16.knock":   "\xff\xfek\x00n\x00",
	"x.trace.gz":    "\x1f\x8b\x08\x00",
	"empty.trace":   "",
	"log.trace":     "policy policy.knock\n0s 192.0.2.7 -> 7001\n",
}

// TestMistakes: what people type who know other tools, or mistype, and what they are told.
// A person reads the golden file: each answer should say what to type.
func TestMistakes(t *testing.T) {
	t.Setenv("TERM", "dumb")
	golden.Run(t, "testdata/mistakes.txtar", func(t *testing.T, name string, input []byte) []byte {
		t.Chdir(t.TempDir())
		for _, folder := range []string{"folder", "none"} {
			if err := os.Mkdir(folder, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for file, text := range mistaken {
			write(t, file, text)
		}
		write(t, "folder/policy.knock", mistaken["policy.knock"])
		var said bytes.Buffer
		for line := range strings.Lines(string(input)) {
			fmt.Fprintf(&said, "%s", line)
			said.WriteString(toldOf(t, name, strings.TrimSuffix(line, "\n")))
		}
		return said.Bytes()
	})
}

// toldOf is what is said of a policy or trace of one line, or of a command line: without the
// lines that findings quote, and only the first lines.
func toldOf(t *testing.T, kind, line string) string {
	args := []string{"check", "typed.knock"}
	switch kind {
	case "policies":
		write(t, "typed.knock", line+"\n")
	case "traces":
		write(t, "typed.trace", line+"\n")
		args[1] = "typed.trace"
	default:
		args = arguments(line)
	}
	var out, errOut bytes.Buffer
	status := run(args, strings.NewReader(""), &out, &errOut)
	var shown []string
	for said := range strings.Lines(out.String() + errOut.String()) {
		if quoted := strings.HasPrefix(said, "    ") && !strings.HasPrefix(said, "    hint:"); !quoted && said != "\n" && len(shown) < 5 {
			shown = append(shown, "    "+strings.TrimPrefix(said, "    "))
		}
	}
	return strings.Join(shown, "") + fmt.Sprintf("    %d\n", status)
}

// arguments takes a command line apart; a part in quotes is one argument.
func arguments(line string) (args []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}
