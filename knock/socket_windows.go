package knock

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/windows"
)

// attemptTime is how long a connection attempt may go on. Its SYN is on its way long
// before. Windows would send another one 500ms after a refusal, and later without any
// answer.
const attemptTime = 50 * time.Millisecond

func route(to netip.Addr) error { return sendDatagram(to, discard, nil) }

// sendSYN waits for an answer as long as attemptTime says, and does not care which it is.
func sendSYN(to netip.Addr, port uint16) error {
	c, err := dial("tcp", to, port)
	switch {
	case err == nil:
		return c.Close()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, windows.WSAECONNREFUSED):
		return nil
	}
	return err
}

// sendDatagram sends nothing if there is no data.
func sendDatagram(to netip.Addr, port uint16, data []byte) error {
	c, err := dial("udp", to, port)
	if err != nil {
		return err
	}
	defer c.Close()
	if data != nil {
		_, err = c.Write(data)
	}
	return err
}

func dial(network string, to netip.Addr, port uint16) (net.Conn, error) {
	if to.Is6() && to.IsLinkLocalUnicast() && to.Zone() == "" {
		return nil, errNoZone(to)
	}
	c, err := (&net.Dialer{Timeout: attemptTime}).Dial(network, netip.AddrPortFrom(to, port).String())
	var timeout net.Error
	var system *os.SyscallError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, os.ErrDeadlineExceeded
	case errors.As(err, &system):
		return nil, system.Err // what was dialled is known
	}
	return c, err
}

// pingProgram is the system's own: it may ping for everyone, a socket for
// administrators only.
const pingProgram = "ping"

func mayPing(netip.Addr) error {
	_, err := exec.LookPath(pingProgram)
	return err
}

func sendPing(to netip.Addr, length int) error {
	wait := strconv.Itoa(int(attemptTime.Milliseconds()))
	err := exec.Command(pingProgram, "-n", "1", "-w", wait, "-l", strconv.Itoa(length), to.String()).Run()
	if answer := (*exec.ExitError)(nil); errors.As(err, &answer) { // there was none
		return nil
	}
	return err
}
