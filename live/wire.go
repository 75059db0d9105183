//go:build linux

package live

import (
	"errors"
	"syscall"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
)

// wire carries messages between the library and the kernel. The library waits for an
// answer to each part of a transaction. A kernel that runs out of memory gives a single
// one for all (nfnetlink_rcv_batch), and the library would wait for the others forever.
//
// The kernel has answered when the system call that sends a transaction returns, and each
// further part of a list is there when the part before was read. So what is not there
// then does not come.
type wire struct {
	*netlink.Conn
	socket syscall.RawConn
	buffer []byte
}

// errNoAnswer is instead of an answer that does not come.
var errNoAnswer = errors.New("the kernel gives no answer")

// newWire connects to the kernel. What the library's connection holds, the wire closes.
func newWire() (*wire, *nftables.Conn, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, nil, err
	}
	w := &wire{Conn: c, buffer: make([]byte, 1<<16)}
	if w.socket, err = c.SyscallConn(); err == nil {
		err = compiler.SetBuffers(c)
	}
	var conn *nftables.Conn
	if err == nil {
		conn, err = nftables.New(nftables.WithTestDial(w.exchange), nftables.AsLasting())
	}
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return w, conn, nil
}

// exchange sends messages, or receives some if there are none to send.
func (w *wire) exchange(messages []netlink.Message) ([]netlink.Message, error) {
	if len(messages) == 0 {
		return w.receive()
	}
	for { // answers that nobody wanted after an error
		if _, err := w.receive(); err != nil {
			break
		}
	}
	_, err := w.SendMessages(messages)
	return nil, err
}

// receive returns messages that are there.
func (w *wire) receive() (messages []netlink.Message, err error) {
	n, err := w.read(unix.MSG_PEEK | unix.MSG_TRUNC)
	if err != nil {
		return nil, err
	}
	if n > len(w.buffer) {
		w.buffer = make([]byte, n)
	}
	if n, err = w.read(0); err != nil {
		return nil, err
	}
	answers, err := syscall.ParseNetlinkMessage(w.buffer[:n])
	for _, a := range answers {
		messages = append(messages, netlink.Message{Header: netlink.Header{
			Length: a.Header.Len, Type: netlink.HeaderType(a.Header.Type), Flags: netlink.HeaderFlags(a.Header.Flags),
			Sequence: a.Header.Seq, PID: nltest.PID, // as the library's end has it
		}, Data: append([]byte{}, a.Data...)})
	}
	return messages, err
}

// read reads into the buffer, without waiting.
func (w *wire) read(flags int) (n int, err error) {
	controlled := w.socket.Control(func(fd uintptr) {
		for {
			if n, _, err = unix.Recvfrom(int(fd), w.buffer, flags|unix.MSG_DONTWAIT); err != unix.EINTR {
				return
			}
		}
	})
	switch {
	case controlled != nil:
		return 0, controlled
	case err == unix.EAGAIN:
		return 0, errNoAnswer
	}
	return n, err
}
