package knock_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/knock"
	"example.org/knockc/lang"
)

// target is a host on the loopback interface: a TCP port, a UDP port, and a TCP port
// where nothing listens.
type target struct {
	addr   netip.Addr
	tcp    *net.TCPListener
	udp    *net.UDPConn
	closed uint16
}

// eachTarget runs a test with a target of each family that the machine has.
func eachTarget(t *testing.T, test func(t *testing.T, to target)) {
	for _, text := range []string{"127.0.0.1", "::1"} {
		t.Run(text, func(t *testing.T) {
			addr := netip.MustParseAddr(text)
			any := netip.AddrPortFrom(addr, 0)
			udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(any))
			if err != nil {
				t.Skip(err)
			}
			defer udp.Close()
			tcp, closed := listen(t, any), listen(t, any)
			defer tcp.Close()
			closed.Close()
			test(t, target{addr, tcp, udp, port(closed)})
		})
	}
}

func listen(t *testing.T, at netip.AddrPort) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func port(l *net.TCPListener) uint16 { return l.Addr().(*net.TCPAddr).AddrPort().Port() }

// steps are steps to the ports of the target, of protocols in order; "-" is the port
// where nothing listens.
func (to target) steps(protos string) []lang.Step {
	var steps []lang.Step
	for _, proto := range strings.Fields(protos) {
		steps = append(steps, map[string]lang.Step{
			"tcp": {Proto: lang.TCP, Port: port(to.tcp)},
			"udp": {Proto: lang.UDP, Port: to.udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()},
			"otp": {Proto: lang.UDP, Port: to.udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(), Code: true},
			"-":   {Proto: lang.TCP, Port: to.closed},
		}[proto])
	}
	return steps
}

// arrived counts the connections and datagrams that have arrived: all before those that
// it sends itself.
func (to target) arrived(t *testing.T) (connections, datagrams int) {
	t.Helper()
	own, err := net.DialTCP("tcp", nil, to.tcp.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for ; ; connections++ {
		c, err := to.tcp.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if c.RemoteAddr().String() == own.LocalAddr().String() {
			break
		}
	}
	const last = "the last one"
	if _, err := to.udp.WriteTo([]byte(last), to.udp.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, 100); ; datagrams++ {
		n, _, err := to.udp.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == last {
			return connections, datagrams
		}
		if n == 0 {
			t.Error("an empty datagram, which some firewalls drop")
		}
	}
}

// TestSend: one packet arrives for each step, whether something listens there or not, and
// the steps are as far apart as they should be.
func TestSend(t *testing.T) {
	eachTarget(t, func(t *testing.T, to target) {
		s := knock.Sequence{Steps: to.steps("tcp udp - udp tcp udp -")}
		if err := s.Ready(to.addr); err != nil {
			t.Fatal(err)
		}
		if tcp, udp := to.arrived(t); tcp+udp != 0 {
			t.Errorf("to be ready, %d connections and %d datagrams are sent", tcp, udp)
		}
		const delay = 20 * time.Millisecond
		start := time.Now()
		if err := s.Send(to.addr, delay); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 6*delay {
			t.Errorf("7 steps, %v apart, take %v", delay, took)
		}
		if tcp, udp := to.arrived(t); tcp != 2 || udp != 3 {
			t.Errorf("%d connections and %d datagrams arrive, want 2 and 3", tcp, udp)
		}
	})
}

// TestSendPing: if the user may not ping, that is known before the first step is sent.
func TestSendPing(t *testing.T) {
	eachTarget(t, func(t *testing.T, to target) {
		s := knock.Sequence{Steps: append(to.steps("udp"), sequence(t, "ping ping/120 ping/0").Steps...)}
		ready, sent := s.Ready(to.addr), s.Send(to.addr, 0)
		switch {
		case ready == nil && sent == nil:
		case ready == nil || sent == nil || ready.Error() != sent.Error():
			t.Errorf("ready: %v, sent: %v", ready, sent)
		case !strings.HasPrefix(ready.Error(), "cannot send step 2, `ping`: you are not allowed to ping; root can allow everyone: "):
			t.Error(ready)
		}
	})
}

// TestUnreachable: an address that cannot be knocked at is known before the first step.
func TestUnreachable(t *testing.T) {
	s := sequence(t, "1001 udp/1002")
	for _, test := range []struct{ to, ready, send string }{
		{"fe80::1", "cannot reach fe80::1: a link-local address needs its interface: fe80::1%eth0", "cannot send step 1, `1001`: a link-local address needs its interface: fe80::1%eth0"},
		{"fe80::1%none0", "cannot reach fe80::1%none0: there is no interface `none0`", "cannot send step 1, `1001`: there is no interface `none0`"},
		{"ff02::1%none0", "cannot reach ff02::1%none0: there is no interface `none0`", "cannot send step 1, `1001`: there is no interface `none0`"},
	} {
		to := netip.MustParseAddr(test.to)
		if err := s.Ready(to); err == nil || err.Error() != test.ready {
			t.Errorf("%s is not ready: %v, want %s", to, err, test.ready)
		}
		if err := s.Send(to, 0); err == nil || err.Error() != test.send {
			t.Errorf("%s: %v, want %s", to, err, test.send)
		}
	}
}

// TestOpen: a service is open if it can be connected to.
func TestOpen(t *testing.T) {
	eachTarget(t, func(t *testing.T, to target) {
		if !knock.Open(netip.AddrPortFrom(to.addr, port(to.tcp))) {
			t.Error("a service where something listens is not open")
		}
		if knock.Open(netip.AddrPortFrom(to.addr, to.closed)) {
			t.Error("a service where nothing listens is open")
		}
	})
}
