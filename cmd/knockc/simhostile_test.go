package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestHostileName: the name of an interface, which a capture's sender chose, does not
// steer the terminal and makes no lines of its own, in whatever form the result is.
func TestHostileName(t *testing.T) {
	const name = "\x1b[31mX\n1..0\x7f\u009b2J"
	dir := t.TempDir()
	files := map[string][]byte{"policy.knock": []byte("knock ssh < 10000 10001 -> 22 >\n"), "a.pcapng": namedCapture(name, 101)}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	xml := filepath.Join(dir, "out.xml")
	all := []string{"", "-state=1s", "-json -state=1s", "-top=3", "-cover", "-tap -junit=" + xml}
	for _, f := range simForms {
		all = append(all, "-"+f.flag)
	}
	for _, flags := range all {
		var out, errOut strings.Builder
		args := append([]string{"sim", filepath.Join(dir, "a.pcapng")}, strings.Fields(flags)...)
		if status := run(args, strings.NewReader(""), &out, &errOut); status != exitOK {
			t.Errorf("%s: exit status %d: %s", flags, status, errOut.String())
		}
		for _, text := range []string{out.String(), errOut.String()} {
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s: %q", flags, text[i:])
			}
		}
		if flags != "-json" {
			continue
		}
		var packet struct{ Iface string }
		first, _, _ := strings.Cut(out.String(), "\n")
		if err := json.Unmarshal([]byte(first), &packet); err != nil || packet.Iface != "" { // it is nameless
			t.Errorf("interface %q, %v", packet.Iface, err)
		}
	}
}

// TestHostileFile: nor does the name of a file, which may come from a repository of others.
func TestHostileFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const name = "\x1b[31mX\n::error::y\u009b2J"
	for file, text := range map[string]string{
		name + ".knock": "knock ssh < 0 -> 22 >\n", name + ".trace": "policy policy.knock\n0s me -> 22\n",
		name + "2.trace": "0s 192.0.2.7 -> 22 => drop\n0s expect ssh open for 192.0.2.7\n", "policy.knock": "knock ssh < 10000 10001 -> 22 >\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	all := []string{
		"check K T", "check -json K T", "check -format=github K T", "check -format=sarif K T", "sim T 2",
		"sim -junit=/dev/stdout T 2", "sim -state=1s 2", "sim -json -state=1s 2 T", "sim -cover 2", "build K", "fmt K", "fmt none/K",
	}
	for _, f := range simForms {
		all = append(all, "sim -"+f.flag+" T 2")
	}
	for _, line := range all {
		args := strings.Fields(line)
		for i, arg := range args {
			args[i] = strings.NewReplacer("K", name+".knock", "T", name+".trace").Replace(arg)
			if arg == "2" {
				args[i] = name + "2.trace"
			}
		}
		var out, errOut strings.Builder
		run(args, strings.NewReader(""), &out, &errOut)
		for _, text := range []string{out.String(), errOut.String()} {
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s: %q", line, text[i:])
			}
			if strings.Contains(text, "\n::error::y") {
				t.Errorf("%s: a line of its own: %q", line, text)
			}
		}
		if out.Len()+errOut.Len() == 0 {
			t.Errorf("%s says nothing", line)
		}
	}
}

// namedCapture is a pcapng capture of a packet, a SYN in IPv4 to port 10000, that arrives
// on the named interface. Its link type is 101 for raw IP.
func namedCapture(name string, link byte) []byte {
	le := binary.LittleEndian
	block := func(kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		size := uint32(len(body) + 12)
		b := le.AppendUint32(le.AppendUint32(nil, kind), size)
		return le.AppendUint32(append(b, body...), size)
	}
	section := le.AppendUint32(nil, 0x1a2b3c4d)
	section = append(section, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255)
	iface := le.AppendUint32([]byte{link, 0, 0, 0}, 0)
	iface = le.AppendUint16(le.AppendUint16(iface, 2), uint16(len(name)))
	iface = append(iface, name...)
	syn := rawSYN(7)
	packet := make([]byte, 12, 64)
	packet = le.AppendUint32(le.AppendUint32(packet, uint32(len(syn))), uint32(len(syn)))
	file := append(block(0x0a0d0d0a, section), block(1, iface)...)
	return append(file, block(6, append(packet, syn...))...)
}

// rawSYN is a SYN from 10.0.0.0/8, some address of it, to port 10000 of 192.0.2.1.
func rawSYN(source uint32) []byte {
	be := binary.BigEndian
	p := []byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0}
	p = append(be.AppendUint32(p, 10<<24|source), 192, 0, 2, 1)
	p = be.AppendUint16(be.AppendUint16(p, 5000), 10000)
	return append(p, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0)
}

// pcapHeader begins a capture of raw IP.
const pcapHeader = "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00"

// pcapRecord is a packet in such a capture.
func pcapRecord(microseconds uint32, packet []byte) []byte {
	le, length := binary.LittleEndian, uint32(len(packet))
	header := le.AppendUint32(make([]byte, 4), microseconds)
	return append(le.AppendUint32(le.AppendUint32(header, length), length), packet...)
}
