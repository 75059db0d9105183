//go:build linux

package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/codes"
	"example.org/knockc/internal/netns"
)

// TestNoMemoryOnKernel lets the kernel run out of memory at ever later places of the
// transaction that applies a policy with codes. Each time, apply ends and says why, the
// older rules stay as they were, and the next apply works.
func TestNoMemoryOnKernel(t *testing.T) {
	const places = 50
	m := newMeter(t)
	few := "knock ssh < 1001 1003 1002 -> 22 grant 1h >\n"
	many := few + `knock vpn < otp/62201 -> 1194 key "vpn.key" ahead 1d >` + "\n"
	for i := range 100 {
		many += fmt.Sprintf("knock k%d < %d %d -> %d >\n", i, 10000+i, 20000+i, 30000+i)
	}
	m.limit(1 << 40)
	if err := m.try(many); err != nil {
		t.Fatal(err)
	}
	peak := m.peak()
	refused := 0
	for i := range int64(places) {
		m.apply(few)
		before := m.listing()
		m.limit(peak * i / places)
		err := m.try(many)
		switch {
		case err == nil: // memory that was lying around was enough
			continue
		case !strings.Contains(err.Error(), "cannot allocate memory"):
			t.Errorf("refused at %d/%d, it says %v", i, places, err)
		}
		refused++
		if after := m.listing(); after != before {
			t.Fatalf("refused at %d/%d, loaded is\n%s\nand was\n%s", i, places, after, before)
		}
	}
	t.Logf("the transaction takes %d KiB; refused at %d of %d places", peak>>10, refused, places)
	if refused < places/2 {
		t.Error("the kernel had memory after all")
	}
	m.apply(many)
	if at := m.listing(); !strings.Contains(at, `comment "code of vpn"`) || !strings.Contains(at, `comment "k99 2/2 opens"`) {
		t.Errorf("at last there is\n%s", at)
	}
}

// meter is a host whose kernel has so much memory for a transaction and no more.
type meter struct {
	*testing.T
	*netns.Host
	live    *Host
	wire    *wire
	groups  string // the folder of all memory cgroups
	own     int    // the file of the one that the test is in
	group   string // the folder of the one with the limit
	limited int    // its file; 0 if no limit is to be had
}

// newMeter skips the test where threads of a process cannot have limits of their own, as
// with cgroups of version 2.
func newMeter(t *testing.T) *meter {
	m := &meter{T: t, Host: netns.New(t, "eth0")}
	var own string
	if m.groups, own = memoryGroups(t); m.groups == "" {
		t.Skip("no memory cgroups of version 1 here")
	}
	var err error
	if m.own, err = unix.Open(filepath.Join(own, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Skipf("no memory cgroups here: %v", err)
	}
	t.Cleanup(func() { unix.Close(m.own) })
	files := t.TempDir()
	if err := codes.WriteKey(filepath.Join(files, "vpn.key"), codes.NewKey()); err != nil {
		t.Fatal(err)
	}
	err = m.Do(func() (err error) {
		clock := MonotonicClock{}
		k := &kernel{clock: clock}
		if err := k.connect(); err != nil {
			return err
		}
		m.wire = k.wire
		k.conn, err = nftables.New(nftables.WithTestDial(m.exchange), nftables.AsLasting())
		m.live = &Host{clock: clock, tables: k, notes: &folder{files, clock}, codes: &codeFile{files, clock}, boot: bootID}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Do(m.live.Close) })
	return m
}

// memoryGroups are the folders of all memory cgroups of version 1 and of that of this
// process; empty if there are none.
func memoryGroups(t *testing.T) (all, own string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(?m)^\S+ (\S+) cgroup \S*\bmemory\b`).FindSubmatch(mounts)
	in := regexp.MustCompile(`(?m)^\d+:[\w,]*\bmemory\b[\w,]*:(.*)$`).FindSubmatch(groups)
	if at == nil || in == nil {
		return "", ""
	}
	return string(at[1]), filepath.Join(string(at[1]), string(in[1]))
}

// limit sets how much memory the kernel has for each further transaction of try.
func (m *meter) limit(bytes int64) {
	m.Helper()
	m.group = filepath.Join(m.groups, fmt.Sprintf("knockc-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if err := os.Mkdir(m.group, 0o700); err != nil {
		m.Skipf("no memory cgroups here: %v", err)
	}
	for file, value := range map[string]string{"memory.oom_control": "1", "memory.limit_in_bytes": fmt.Sprint(bytes)} { // nobody is killed
		if err := os.WriteFile(filepath.Join(m.group, file), []byte(value), 0); err != nil {
			m.Fatal(errors.Join(err, os.Remove(m.group)))
		}
	}
}

// peak is how much was taken since limit.
func (m *meter) peak() int64 {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.group, "memory.max_usage_in_bytes"))
	if err != nil {
		m.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		m.Fatal(err)
	}
	return n
}

// try applies a policy within the limit.
func (m *meter) try(policy string) (err error) {
	m.Helper()
	if m.limited, err = unix.Open(filepath.Join(m.group, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		m.Fatal(err)
	}
	group := m.group
	m.Cleanup(func() { os.Remove(group) }) // once nothing is left in it
	defer func() {
		unix.Close(m.limited)
		m.limited = 0
	}()
	return m.load(policy)
}

func (m *meter) apply(policy string) {
	m.Helper()
	if err := m.load(policy); err != nil {
		m.Fatal(err)
	}
}

func (m *meter) load(policy string) error {
	o := Options{}
	if strings.Contains(policy, "otp/") {
		files := m.live.codes.(*codeFile).folder
		o.Codes = []Codes{{Knock: "vpn", File: filepath.Join(files, "vpn.key"), Period: 30 * time.Second, Ahead: 24 * time.Hour}}
	}
	r := compiled(m.T, policy)
	return m.Do(func() error {
		_, err := m.live.Apply(r, o)
		return err
	})
}

func (m *meter) listing() string {
	m.Helper()
	text, err := m.Nft("-s", "list", "ruleset")
	if err != nil {
		m.Fatal(err)
	}
	return text
}

// exchange is [wire.exchange], which sends transactions within the limit.
func (m *meter) exchange(messages []netlink.Message) ([]netlink.Message, error) {
	if m.limited == 0 || len(messages) < 3 { // the first and the last frame a transaction
		return m.wire.exchange(messages)
	}
	var b []byte
	for _, message := range messages {
		text, err := message.MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = append(b, text...)
	}
	var err error
	controlled := m.wire.socket.Control(func(fd uintptr) { err = m.sendLimited(fd, b) })
	return nil, errors.Join(controlled, err)
}

// sendLimited has this thread send a message while it is in the group with the limit. The
// runtime must not ask the kernel for anything meanwhile.
func (m *meter) sendLimited(fd uintptr, message []byte) error {
	self := [1]byte{'0'}
	move := func(file int) unix.Errno {
		_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(file), uintptr(unsafe.Pointer(&self)), 1)
		return errno
	}
	to := unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}
	into := move(m.limited)
	_, _, sent := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&message[0])), uintptr(len(message)), 0,
		uintptr(unsafe.Pointer(&to)), unsafe.Sizeof(to))
	back := move(m.own)
	for _, errno := range []unix.Errno{into, sent, back} {
		if errno != 0 {
			return errno
		}
	}
	return nil
}
