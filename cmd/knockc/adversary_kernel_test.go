//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
)

// adversary sits on the client's wire: it records each datagram to the step's port, and sends
// what it likes from any address.
type adversary struct {
	*testing.T
	vaultOf
	key      codes.Key
	recorder int
	forger   int
	recorded [][]byte
	rightful int // uses by the client
}

const stepPort = 62201

func newAdversary(t *testing.T) *adversary {
	a := &adversary{T: t, vaultOf: newVaultOf(t)}
	write(t, a.policy, `knock ssh < otp/62201 -> 22 key "ssh.key" grant 1h >`+"\n")
	a.does(t, "apply", "-settle", "0", "-rehearse=false", a.policy)
	a.Host.Serve(t, "22")
	a.Host.Run(t, "nft", quietPort)
	var err error
	if a.key, err = codes.ReadKey(filepath.Join(filepath.Dir(a.policy), "ssh.key")); err != nil {
		t.Fatal(err)
	}
	err = a.Peer.Do(func() (err error) {
		const all = unix.ETH_P_ALL
		if a.recorder, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all>>8|all&0xff<<8); err != nil {
			return err
		}
		a.forger, err = forging()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(a.recorder); unix.Close(a.forger) })
	return a
}

// quietPort has the host drop what the adversary sends once the rules of the policy have seen
// it. All network namespaces share what a CPU may have of ICMP errors on their way
// (icmp_init), and a million of them would keep other tests' rejects from being sent.
const quietPort = `table inet quiet {
	chain input {
		type filter hook input priority 100
		udp dport 62201 drop
	}
}`

// forging is a socket for whole IPv4 packets.
func forging() (fd int, err error) {
	return unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
}

// datagram is one to the step's port.
func datagram(src netip.Addr, port uint16, payload []byte) []byte {
	b := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}, src.AsSlice()...)
	b = append(b, 192, 0, 2, 1)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, stepPort)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...) // no checksum
}

var toHost = &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}}

func (a *adversary) forge(fd int, src netip.Addr, payload []byte) error {
	for {
		err := unix.Sendto(fd, datagram(src, 40000, payload), 0, toHost)
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// stranger is an address on the wire that nobody has.
func stranger(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + n%240)}) }

// client sends the code of a period, given how far it is from the present one.
func (a *adversary) client(network, to string, later int64) {
	a.Helper()
	a.sends(network, to, codes.Period(time.Now(), 30*time.Second)+later)
	a.rightful++
}

// sends sends the code of a period as the client.
func (a *adversary) sends(network, to string, period int64) {
	a.Helper()
	mac := a.key.Of("ssh", period)
	err := a.Peer.Do(func() error {
		c, err := net.Dial(network, to)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(mac[:])
		return err
	})
	if err != nil {
		a.Fatal(err)
	}
}

// records takes what the client sends.
func (a *adversary) records(sends func()) {
	a.Helper()
	b := make([]byte, 2048)
	received := func() (n int, ok bool) {
		n, _, err := unix.Recvfrom(a.recorder, b, 0)
		return n, err == nil
	}
	for _, ok := received(); ok; _, ok = received() { // its own
	}
	sends()
	for n, ok := received(); ok; n, ok = received() {
		header := 20
		if b[0]>>4 == 6 {
			header = 40
		}
		if n > header+8 && binary.BigEndian.Uint16(b[header+2:]) == stepPort {
			a.recorded = append(a.recorded, append([]byte{}, b[header+8:n]...))
		}
	}
	if len(a.recorded) != a.rightful {
		a.Fatalf("recorded are %d datagrams, and %d were sent", len(a.recorded), a.rightful)
	}
}

var openedCount = regexp.MustCompile(`counter ssh_opened \{\s+packets (\d+)`)

// opened is how many datagrams have opened the door since the table was made.
func (a *adversary) opened() int {
	a.Helper()
	n := -1
	if m := openedCount.FindStringSubmatch(a.Host.Run(a.T, "nft", "list", "counters", "table", "inet", "knockc")); m != nil {
		n, _ = strconv.Atoi(m[1])
	}
	return n
}

// openedSince is how often the door has been opened since a count. It waits for what is on
// the wire, and up to a minute for as many as are expected.
func (a *adversary) openedSince(before, expected int) int {
	a.Helper()
	for deadline := time.Now().Add(time.Minute); a.opened()-before < expected && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	return a.opened() - before
}

// getsIn does something, and wants it to open the door so often.
func (a *adversary) getsIn(want int, how string, does func()) {
	a.Helper()
	before := a.opened()
	does()
	got := a.openedSince(before, want)
	a.Logf("%s: got in: %d", how, got)
	if got != want {
		a.Errorf("%s: got in: %d, want %d", how, got, want)
	}
}

// permutations calls f with each order of n things.
func permutations(n int, f func([]int)) {
	order := make([]int, 0, n)
	var next func()
	next = func() {
		if len(order) == n {
			f(order)
			return
		}
		for i := range n {
			used := false
			for _, o := range order {
				used = used || o == i
			}
			if !used {
				order = append(order, i)
				next()
				order = order[:len(order)-1]
			}
		}
	}
	next()
}

func (a *adversary) replaysOnce() {
	a.Helper()
	for i, payload := range a.recorded {
		if err := a.forge(a.forger, stranger(i), payload); err != nil {
			a.Fatal(err)
		}
	}
}

func (a *adversary) replaysAll() {
	a.Helper()
	sent := 0
	permutations(len(a.recorded), func(order []int) {
		for _, i := range order {
			if err := a.forge(a.forger, stranger(sent), a.recorded[i]); err != nil {
				a.Fatal(err)
			}
			sent++
		}
	})
	for _, src := range []string{"192.0.2.2:0", "[2001:db8::2]:0"} { // also as the client itself
		for _, payload := range a.recorded {
			err := a.Peer.Do(func() error {
				c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(src)), hostOf(src))
				if err != nil {
					return err
				}
				defer c.Close()
				_, err = c.Write(payload)
				return err
			})
			if err != nil {
				a.Fatal(err)
			}
		}
	}
}

func hostOf(peer string) *net.UDPAddr {
	host := "192.0.2.1"
	if strings.HasPrefix(peer, "[") {
		host = "2001:db8::1"
	}
	return &net.UDPAddr{IP: net.ParseIP(host), Port: stepPort}
}

// TestAdversaryOnKernel: one who records every datagram and replays them in every order, at
// once and later, from other sources and as the client, or guesses a million codes, does not
// get in.
func TestAdversaryOnKernel(t *testing.T) {
	a := newAdversary(t)
	a.records(func() {
		a.getsIn(5, "the client, five times", func() {
			for later := range int64(3) {
				a.client("udp4", "192.0.2.1:62201", later)
			}
			a.client("udp6", "[2001:db8::1]:62201", 3)
			a.client("udp4", "192.0.2.1:62201", 9)
		})
	})
	a.getsIn(0, "replays in every order", a.replaysAll)
	a.does(t, "refill")
	a.getsIn(0, "replays after a refill", a.replaysAll)
	a.Host.Run(t, "nft", "flush", "set", "inet", "knockc", "ssh_codes_loaded") // all are loaded afresh
	var several sync.WaitGroup
	for range 8 {
		several.Go(func() {
			if out, err := a.Host.Command(t.Context(), "knockc", "refill").CombinedOutput(); err != nil {
				t.Errorf("refill at the same time: %v\n%s", err, out)
			}
		})
	}
	several.Wait()
	a.getsIn(0, "replays after eight refills at once", a.replaysAll)
	write(t, a.policy, `knock ssh < otp/62201 -> 22 key "ssh.key" grant 2h >`+"\n")
	a.does(t, "apply", "-rehearse=false", a.policy)
	a.getsIn(0, "replays after an edit", a.replaysAll)
	a.does(t, "remove")
	a.does(t, "apply", "-settle", "0", "-rehearse=false", a.policy)
	a.getsIn(0, "replays after the table was removed", a.replaysAll)
	a.Host.Run(t, "nft", "delete", "table", "inet", "knockc")
	a.does(t, "apply", "-settle", "0", "-rehearse=false", a.policy)
	a.getsIn(0, "replays after the table was lost", a.replaysAll)

	a.getsIn(0, "a million guesses", func() {
		chance := rand.New(rand.NewPCG(1, 2))
		guess := make([]byte, 16)
		for i := range 1_000_000 {
			switch i % 4 {
			case 0, 1:
				binary.BigEndian.PutUint64(guess, chance.Uint64())
				binary.BigEndian.PutUint64(guess[8:], chance.Uint64())
			case 2: // nearly a code that was used
				copy(guess, a.recorded[i%len(a.recorded)])
				guess[chance.IntN(16)] ^= 1 << chance.IntN(8)
			case 3: // a part of one
				copy(guess, a.recorded[i%len(a.recorded)])
				clear(guess[chance.IntN(16):])
			}
			if err := a.forge(a.forger, stranger(i), guess[:16-max(0, i%64-60)]); err != nil {
				t.Fatal(err)
			}
		}
	})
	a.records(func() {
		a.getsIn(1, "the client again", func() { a.client("udp4", "192.0.2.1:62201", 20) })
	})
	a.getsIn(0, "replays at last", a.replaysAll)
	grants := a.Host.Run(t, "nft", "list", "set", "inet", "knockc", "grants4")
	if n := strings.Count(grants, "192.0.2."); n != 1 || !strings.Contains(grants, "192.0.2.2 . ") {
		t.Errorf("grants are\n%s", grants)
	}
}

// TestTwoCPUsOnKernel: two CPUs that get a code at the same instant may both take it, since
// the kernel looks it up and deletes it in two steps. Each code opens twice at most, and this
// says how often it does.
func TestTwoCPUsOnKernel(t *testing.T) {
	const races = 5000
	if runtime.NumCPU() < 2 {
		t.Skip("there is one CPU")
	}
	a := newAdversary(t)
	now := codes.Period(time.Now(), 30*time.Second)
	var turn [2]atomic.Int64
	var failed [2]error
	before := a.opened()
	var all sync.WaitGroup
	for cpu := range 2 {
		all.Go(func() {
			failed[cpu] = a.Peer.Do(func() error {
				var set unix.CPUSet
				set.Set(cpu)
				fd, err := forging()
				if err = errors.Join(err, unix.SchedSetaffinity(0, &set)); err != nil {
					turn[cpu].Store(races + 1)
					return err
				}
				defer unix.Close(fd)
				mac := a.key.Series("ssh")
				for i := range int64(races) {
					m := mac(now + 10 + i)
					packet := datagram(stranger(cpu), 40000, m[:])
					for turn[cpu].Store(i + 1); turn[1-cpu].Load() < i+1; { // wait for the other
					}
					if err := unix.Sendto(fd, packet, 0, toHost); err != nil {
						turn[cpu].Store(races + 1)
						return fmt.Errorf("race %d: %w", i, err)
					}
				}
				return nil
			})
		})
	}
	all.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	opened := a.openedSince(before, races)
	t.Logf("of %d codes that two CPUs got at the same instant, %d opened twice", races, opened-races)
	if opened < races || opened > 2*races {
		t.Errorf("%d codes opened %d times", races, opened)
	}
	a.getsIn(0, "replays afterwards", func() {
		mac := a.key.Series("ssh")
		for i := range int64(races) {
			m := mac(now + 10 + i)
			if err := a.forge(a.forger, stranger(int(i)), m[:]); err != nil {
				t.Fatal(err)
			}
		}
	})
}
