package session_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// TestCodesOfCapture: the payloads of a capture are compared with the key, by the clock of
// the capture. Without the key nobody can tell what they mean.
func TestCodesOfCapture(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const period = time.Minute
	began := time.Date(2026, 11, 28, 12, 0, 30, 500, time.UTC)
	key := codes.Key{1, 2, 3}
	now := codes.Period(began, period)
	datagram := func(knock string, n int64) string { m := key.Of(knock, n); return string(m[:]) }
	payloads := []string{
		"", datagram("ssh", now), datagram("ssh", now), datagram("ssh", now-1), datagram("ssh", now-2), datagram("vpn", now),
		datagram("ssh", now+10), datagram("ssh", now+11), datagram("ssh", now+1)[:15], datagram("ssh", now+1)[:16],
	}
	opens := []bool{false, true, false, true, false, false, true, false, false, true}
	capture := udpCapture(began, payloads)
	write("policy.knock", `knock ssh < otp/62201 -> 22 key "ssh.key" period 1m ahead 10m per /32 /128 >`)
	write("night.pcap", capture)

	shown := []string{
		"", " otp ssh", " otp ssh", " otp ssh -1m", "", "", " otp ssh +10m", "", "", " otp ssh +1m",
	}
	var told openings
	run := func() []error {
		told = openings{}
		summary, err := session.Run([]string{filepath.Join(folder, "night.pcap")}, session.Options{}, &told)
		if err != nil {
			t.Fatal(err)
		}
		return summary.Errs
	}
	if errs := run(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "night.pcap: whether packets have one-time codes of ssh needs the key: ") || !strings.Contains(errs[0].Error(), "ssh.key: no such file") {
		t.Errorf("without a key: %v", errs)
	}
	write("ssh.key", "0102030000000000000000000000000000000000000000000000000000000000\n")
	if errs := run(); len(errs) > 0 || !slices.Equal(told.open, opens) {
		t.Errorf("the packets open: %v\nwant: %v\n%v", told.open, opens, errs)
	}
	if !slices.Equal(told.codes, shown) {
		t.Errorf("the codes are %q\nwant %q", told.codes, shown)
	}
}

// openings is which packets open a door, and their codes.
type openings struct {
	open  []bool
	codes []string
}

func (o *openings) Begin(*session.Trace) {}
func (o *openings) Outcome(p replay.Outcome) {
	o.open = append(o.open, len(p.Moves) > 0)
	o.codes = append(o.codes, strings.TrimPrefix(p.Event.Packet.Destination(), "udp/62201"))
}
func (o *openings) End(*session.Result)    {}
func (o *openings) Close(*session.Summary) {}

// udpCapture is a capture of datagrams to 192.0.2.1, one a second.
func udpCapture(began time.Time, payloads []string) string {
	le, be := binary.LittleEndian, binary.BigEndian
	b := le.AppendUint32([]byte("\x4d\x3c\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0xffff)
	b = le.AppendUint32(b, 101) // raw IP
	for i, payload := range payloads {
		size := uint32(28 + len(payload))
		b = le.AppendUint32(b, uint32(began.Unix()+int64(i)))
		b = le.AppendUint32(b, uint32(began.Nanosecond()))
		b = le.AppendUint32(le.AppendUint32(b, size), size)
		b = be.AppendUint16(append(b, 0x45, 0), uint16(size))
		b = append(b, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, byte(i), 192, 0, 2, 1)
		b = be.AppendUint16(b, 50000)
		b = be.AppendUint16(b, 62201)
		b = be.AppendUint16(b, uint16(size-20))
		b = append(append(b, 0, 0), payload...)
	}
	return string(b)
}
