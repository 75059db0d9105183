//go:build linux

package rehearse

import (
	"net"
	"strings"
	"testing"
)

// TestCodesOnKernel: a knock with a one-time code is rehearsed without a key, also if others
// must not knock, and a program at its port is found.
func TestCodesOnKernel(t *testing.T) {
	l := newLab(t)
	l.rules(t, drops+"add rule inet filter input tcp dport { 22, 80, 443 } accept\n")
	const policy = `knock ssh < otp/62201 -> 22 key "none.key" >
knock web < 7001 otp/62201 9002 -> 80 key "none.key" period 1m reset any revoke >
knock in < otp/62202 -> 443 key "none.key" from 198.51.100.0/24 2001:db8:c::/64 on eth0 >
`
	r := l.rehearse(t, policy)
	for _, c := range r.Checks {
		if c.Answer != Good {
			t.Errorf("%+v", c)
		}
	}
	if len(r.Checks) != 3*2*4 || len(r.InUse) > 0 {
		t.Errorf("%d checks; in use: %q", len(r.Checks), r.InUse)
	}
	var c net.PacketConn
	err := l.Host.Do(func() (err error) {
		c, err = net.ListenPacket("udp", ":62202")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r := l.rehearse(t, policy); len(r.InUse) != 1 || !strings.HasPrefix(r.InUse[0], "otp/62202 of knock in: ") {
		t.Errorf("in use: %q", r.InUse)
	}
}
