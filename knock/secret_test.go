package knock_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/knock"
)

// awkward is a secret whose MACs, now and in the next periods, hold what programs like to
// lose: a line feed and a zero byte within the code, and a line feed at its end.
func awkward(period time.Duration) *knock.Secret {
	s := &knock.Secret{Knock: "ssh-2", Period: period}
	for n := uint32(0); ; n++ {
		s.Key = codes.Key{31: 0xff, 0: byte(n >> 24), 1: byte(n >> 16), 2: byte(n >> 8), 3: byte(n)}
		now := codes.Period(time.Now(), period)
		if a, b := s.Key.Of(s.Knock, now), s.Key.Of(s.Knock, now+1); holds(a) && holds(b) {
			return s
		}
	}
}

func holds(m codes.MAC) bool {
	return bytes.IndexByte(m[:codes.Size-1], '\n') >= 0 && bytes.IndexByte(m[:codes.Size], 0) >= 0
}

// TestCodes: each client sends the code of the period as one datagram of 32 bytes,
// whatever bytes it has.
func TestCodes(t *testing.T) {
	const delay = 20 * time.Millisecond
	clients := []struct {
		name     string
		programs string
		send     func(t *testing.T, s knock.Sequence, to target) error
	}{
		{"Send", "", func(t *testing.T, s knock.Sequence, to target) error { return s.Send(to.addr, delay) }},
		{"Bash", "bash openssl", func(t *testing.T, s knock.Sequence, to target) error {
			return exec.Command("sh", "-c", s.Bash(to.addr.String(), delay)).Run()
		}},
		{"NC", "nc openssl", func(t *testing.T, s knock.Sequence, to target) error {
			return exec.Command("sh", "-c", s.NC(to.addr.String(), delay)).Run()
		}},
		{"Python", "python3", func(t *testing.T, s knock.Sequence, to target) error {
			return exec.Command("sh", "-c", s.Python(to.addr.String(), delay)).Run()
		}},
		{"PowerShell", "pwsh", func(t *testing.T, s knock.Sequence, to target) error {
			return exec.Command("pwsh", "-NoProfile", "-Command", s.PowerShell(to.addr.String(), delay)).Run()
		}},
		{"MatchExec", "ssh bash openssl", func(t *testing.T, s knock.Sequence, to target) error {
			config := filepath.Join(t.TempDir(), "config")
			text := s.MatchExec(to.addr.String(), 22, delay) + "\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				return err
			}
			return exec.Command("ssh", "-G", "-F", config, to.addr.String()).Run()
		}},
	}
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			for _, program := range strings.Fields(client.programs) {
				if _, err := exec.LookPath(program); err != nil {
					t.Skip(err)
				}
			}
			eachTarget(t, func(t *testing.T, to target) {
				s := knock.Sequence{Steps: to.steps("otp"), Secret: awkward(time.Hour)}
				before := codes.Period(time.Now(), s.Secret.Period)
				if err := client.send(t, s, to); err != nil {
					t.Fatal(err)
				}
				after := codes.Period(time.Now(), s.Secret.Period)
				code := to.datagram(t)
				first, last := s.Secret.Key.Of(s.Secret.Knock, before), s.Secret.Key.Of(s.Secret.Knock, after)
				if !bytes.Equal(code, first[:]) && !bytes.Equal(code, last[:]) {
					t.Errorf("%x is sent, want %x", code, first)
				}
				if tcp, udp := to.arrived(t); tcp+udp != 0 {
					t.Errorf("%d connections and %d datagrams more are sent", tcp, udp)
				}
			})
		})
	}
}

// datagram is the next datagram that arrives at the target.
func (to target) datagram(t *testing.T) []byte {
	t.Helper()
	to.udp.SetReadDeadline(time.Now().Add(10 * time.Second))
	defer to.udp.SetReadDeadline(time.Time{})
	b := make([]byte, 100)
	n, _, err := to.udp.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestNext: another code can be sent when the next period begins.
func TestNext(t *testing.T) {
	s := &knock.Secret{Period: 30 * time.Second}
	for at, want := range map[int64]int64{0: 30, 29: 30, 30: 60, 1795867207: 1795867230} {
		if next := s.Next(time.Unix(at, 999)).Unix(); next != want {
			t.Errorf("after %d: %d, want %d", at, next, want)
		}
	}
}

// TestNoSecret: a step that needs a code is not sent without one.
func TestNoSecret(t *testing.T) {
	eachTarget(t, func(t *testing.T, to target) {
		s := knock.Sequence{Steps: to.steps("otp")}
		if err := s.Send(to.addr, 0); err == nil || !strings.HasSuffix(err.Error(), "there is no key for its code") {
			t.Error(err)
		}
		if _, udp := to.arrived(t); udp != 0 {
			t.Error("a datagram is sent")
		}
	})
}
