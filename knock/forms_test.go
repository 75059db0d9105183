package knock_test

import (
	"strings"
	"testing"
	"time"
)

// TestForms shows the forms for other programs, and the parts that only some steps need.
func TestForms(t *testing.T) {
	s := sequence(t, "1001 udp/1002")
	debian, err := s.Debian("192.0.2.1", 150*time.Millisecond)
	if want := "knock -d 150 192.0.2.1 1001:tcp 1002:udp"; debian != want || err != nil {
		t.Errorf("%q, %v, want %q", debian, err, want)
	}
	if debian, err = sequence(t, "1001 ping/9").Debian("192.0.2.1", 0); err == nil || err.Error() != "knock(1) cannot send step 2, `ping/9`" {
		t.Errorf("with a ping: %q, %v", debian, err)
	}
	for _, test := range []struct{ name, form, begin, end string }{
		{"MatchExec", s.MatchExec("fe80::1%eth0", 22, 0), `Match host fe80::1%eth0 exec "bash -c 'h=fe80::1%%eth0; `, "k tcp 1001; k udp 1002'\"\n\tPort 22"},
		{"ProxyCommand", s.ProxyCommand("host.example", 2022, 0), "Host host.example\n\tPort 2022\n\tProxyCommand sh -c 'h=host.example; ", "k tcp 1001; k udp 1002; exec nc %h %p'"},
		{"NC", s.NC("2001:db8::1", 200*time.Millisecond), "sh -c 'h=2001:db8::1; k() { ", "sleep 0.2; } >/dev/null 2>&1; tcp() { exec nc -z $h $1; }; udp() { echo | nc -u -w 1 $h $1; }; k tcp 1001; k udp 1002'"},
		{"Bash", sequence(t, "1001").Bash("192.0.2.1", 0), "bash -c 'h=192.0.2.1; ", "; tcp() { : >/dev/tcp/$h/$1; }; k tcp 1001'"},
		{"Bash with pings", sequence(t, "ping ping/120").Bash("::1", time.Second), "bash -c 'h=::1; ", "sleep 1; } >/dev/null 2>&1; k ping -n -c 1 $h; k ping -n -c 1 -s 120 $h'"},
	} {
		if !strings.HasPrefix(test.form, test.begin) || !strings.HasSuffix(test.form, test.end) {
			t.Errorf("%s: %s\nwant %s ... %s", test.name, test.form, test.begin, test.end)
		}
	}
}
