package knock_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"example.org/knockc/knock"
)

// names are the addresses of hosts, as a name server would have them.
var names = map[string][]string{
	"both.example.":  {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"},
	"four.example.":  {"192.0.2.4"},
	"six.example.":   {"2001:db8::6"},
	"empty.example.": {},
}

// askNames makes the resolver ask them, and nobody else, until the test ends.
func askNames(t *testing.T) {
	usual := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = usual })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server)
		return client, nil
	}}
}

// answer answers the questions of one connection, as RFC 1035 has it.
func answer(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		a := reply(q)
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
	}
}

// reply is the answer to a question.
func reply(q []byte) []byte {
	const header, in, typeA, typeAAAA = 12, 1, 1, 28
	var name strings.Builder
	end := header
	for ; q[end] != 0; end += 1 + int(q[end]) {
		fmt.Fprintf(&name, "%s.", q[end+1:end+1+int(q[end])])
	}
	kind := binary.BigEndian.Uint16(q[end+1:])
	end += 5
	addrs, known := names[name.String()]
	a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[header:end]...)
	if !known {
		a[3] |= 3 // there is no such name
	}
	for _, text := range addrs {
		ip, of := net.ParseIP(text), uint16(typeAAAA)
		if ip.To4() != nil {
			ip, of = ip.To4(), typeA
		}
		if of != kind {
			continue
		}
		a[7]++
		a = append(a, 0xc0, header) // the name is where the question has it
		a = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(a, of), in)
		a = binary.BigEndian.AppendUint16(append(a, 0, 0, 0, 60), uint16(len(ip)))
		a = append(a, ip...)
	}
	return a
}

// TestLookup: one address of each family that is asked for, or an error that names the
// host.
func TestLookup(t *testing.T) {
	askNames(t)
	for _, test := range []struct{ network, host, want string }{
		{knock.AnyFamily, "192.0.2.9", "192.0.2.9"},
		{knock.IPv4, "::ffff:192.0.2.9", "192.0.2.9"},
		{knock.IPv6, "2001:db8::9", "2001:db8::9"},
		{knock.IPv6, "192.0.2.9", "192.0.2.9 is not an IPv6 address"},
		{knock.IPv4, "2001:db8::9", "2001:db8::9 is not an IPv4 address"},
		{knock.AnyFamily, "both.example", "192.0.2.1 2001:db8::1"},
		{knock.IPv4, "both.example", "192.0.2.1"},
		{knock.IPv6, "both.example", "2001:db8::1"},
		{knock.AnyFamily, "six.example", "2001:db8::6"},
		{knock.IPv4, "six.example", "cannot find an IPv4 address of six.example"},
		{knock.IPv6, "four.example", "cannot find an IPv6 address of four.example"},
		{knock.AnyFamily, "empty.example", "cannot find empty.example: no such host"},
		{knock.AnyFamily, "none.example", "cannot find none.example: no such host"},
	} {
		addrs, err := knock.Lookup(context.Background(), test.network, test.host)
		var found []string
		for _, four := range []bool{true, false} { // the order is the system's choice
			for _, a := range addrs {
				if a.Is4() == four {
					found = append(found, a.String())
				}
			}
		}
		got := strings.Join(found, " ")
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s of %s: %s, want %s", test.network, test.host, got, test.want)
		}
	}
	net.DefaultResolver.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
	if _, err := knock.Lookup(context.Background(), knock.AnyFamily, "both.example"); err == nil || !strings.HasPrefix(err.Error(), "cannot find both.example: ") {
		t.Errorf("without a name server: %v", err)
	}
}
