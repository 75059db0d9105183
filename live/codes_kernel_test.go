//go:build linux

package live_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/live"
)

const otpPeriod = 10 * time.Second

const otpPolicy = `knock ssh < otp/62201 -> 22 key "ssh.key" period 10s ahead 5m grant 1h >` + "\n"

// safe is a host whose doors open to one-time codes. Its clocks are the test's, and a client
// and one who records what that sends are outside.
type safe struct {
	*testing.T
	*netns.Host
	live    *live.Host
	files   string // the folder of keys and notes
	fast    time.Duration
	slept   time.Duration
	boot    int
	strange int // sources that were used
	sent    []codes.Code
	saved   string // a listing of all rules before any code was used
}

func (s *safe) Now() time.Duration    { return live.MonotonicClock{}.Now() - s.slept }
func (s *safe) Wall() time.Time       { return time.Now().Add(s.fast) }
func (s *safe) Sleep(d time.Duration) { time.Sleep(d) }

func newSafe(t *testing.T) *safe {
	s := &safe{T: t, Host: netns.New(t, "eth0"), files: t.TempDir()}
	s.live = live.NewTestHost(s, func() (string, error) { return fmt.Sprint("boot", s.boot), nil }, s.files)
	t.Cleanup(func() { s.Do(s.live.Close) })
	for _, key := range []string{"ssh.key", "other.key"} {
		if err := codes.WriteKey(filepath.Join(s.files, key), codes.NewKey()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// codesOf are the codes that a policy needs.
func (s *safe) codesOf(r *compiler.Result) (all []live.Codes) {
	for _, c := range r.Codes {
		all = append(all, live.Codes{Knock: c.Knock, File: filepath.Join(s.files, c.Key.Path), Period: c.Period, Ahead: c.Ahead})
	}
	return all
}

func (s *safe) try(policy string, o live.Options) (a *live.Applied, err error) {
	s.Helper()
	r := compile(s.T, policy)
	if o.Codes = s.codesOf(r); o.KeepCodes {
		o.Codes = nil
	}
	err = s.Do(func() (err error) {
		a, err = s.live.Apply(r.Ruleset, o)
		return err
	})
	return a, err
}

func (s *safe) apply(policy string) *live.Applied {
	s.Helper()
	a, err := s.try(policy, live.Options{})
	if err != nil {
		s.Fatal(err)
	}
	return a
}

var knockcTable = live.Location{Table: "knockc"}

func (s *safe) tryRefill() (all []live.Supplied, err error) {
	err = s.Do(func() (err error) {
		all, err = s.live.Refill(knockcTable, nil, "")
		return err
	})
	return all, err
}

func (s *safe) refill() []live.Supplied {
	s.Helper()
	all, err := s.tryRefill()
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func (s *safe) must(f func() error) {
	s.Helper()
	if err := s.Do(f); err != nil {
		s.Fatal(err)
	}
}

func (s *safe) remove() {
	s.Helper()
	s.must(func() error {
		r, err := s.live.Remove(knockcTable)
		return errors.Join(err, r.Unnoted)
	})
}

func (s *safe) nft(args ...string) string {
	s.Helper()
	out, err := s.Nft(args...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// code is that of a period, given how far it is from the present one.
func (s *safe) code(key string, later int) codes.Code {
	k, err := codes.ReadKey(filepath.Join(s.files, key))
	if err != nil {
		s.Fatal(err)
	}
	return k.Of("ssh", codes.Period(s.Wall(), otpPeriod)+int64(later)).Code()
}

// opens sends a code from a new source and reports whether that gets in.
func (s *safe) opens(c codes.Code) bool {
	s.Helper()
	s.strange++
	return s.opensFrom(netip.AddrFrom4([4]byte{100, 64, byte(s.strange >> 8), byte(s.strange)}), c)
}

func (s *safe) opensFrom(src netip.Addr, c codes.Code) bool {
	s.Helper()
	if _, err := s.Send(netns.Packet{Src: src, Proto: netns.UDP, DstPort: 62201, Payload: string(c[:])}); err != nil {
		s.Fatal(err)
	}
	r, err := s.Send(netns.Packet{Src: src, Proto: netns.TCP, Flags: netns.SYN, DstPort: 22})
	if err != nil {
		s.Fatal(err)
	}
	return r.Accepted
}

// uses is the client.
func (s *safe) uses(key string, later int) {
	s.Helper()
	c := s.code(key, later)
	if !s.opens(c) {
		s.Errorf("the code of period %+d does not open", later)
	}
	s.sent = append(s.sent, c)
}

// replays is who has recorded what was sent.
func (s *safe) replays(when string) {
	s.Helper()
	for i, c := range s.sent {
		if s.opens(c) {
			s.Errorf("%s: recorded code %d opens", when, i)
		}
	}
}

// listed is what nft lists of the codes and their mark, without times.
func (s *safe) listed() string {
	s.Helper()
	text := s.nft("list", "table", "inet", "knockc")
	n := strings.Count(text, "timeout") // of codes and sources
	i := strings.Index(text, "comment \"period ")
	if i < 0 {
		return fmt.Sprint(n, " no mark")
	}
	return fmt.Sprint(n, " ", strings.SplitN(text[i:], "\n", 2)[0])
}

// ends reports whether the last of the codes that there are opens.
func (s *safe) lastOpens(key string) bool {
	s.Helper()
	for later := 40; later > 0; later-- {
		if s.opens(s.code(key, later)) {
			return true
		}
	}
	return false
}

// TestCodesStayUsedOnKernel: whatever becomes of the table, the notes, the clock and the
// policy, a code that was used or recorded does not open, and a later one does.
func TestCodesStayUsedOnKernel(t *testing.T) {
	longer := strings.ReplaceAll(otpPolicy, "1h", "2h")
	otherKey := strings.ReplaceAll(otpPolicy, "ssh.key", "other.key")
	more := otpPolicy + "knock web < 7001 9001 -> 80 >\n"
	for _, c := range []struct {
		name string
		does func(s *safe)
		shut bool // the door stays shut
	}{
		{"nothing", func(s *safe) {}, false},
		{"applied again", func(s *safe) { s.apply(otpPolicy) }, false},
		{"edited", func(s *safe) { s.apply(longer) }, false},
		{"another knock", func(s *safe) { s.apply(more); s.apply(otpPolicy) }, false},
		{"without the knock, and again", func(s *safe) { s.apply("knock web < 7001 9001 -> 80 >\n"); s.apply(otpPolicy) }, false},
		{"refilled", func(s *safe) { s.refill(); s.refill() }, false},
		{"farther ahead", func(s *safe) { s.apply(strings.ReplaceAll(otpPolicy, "5m", "6m")) }, false},
		{"loaded by a script", func(s *safe) { s.script(otpPolicy); s.replays("after the script"); s.refill() }, false},
		{"as at boot, while it runs", func(s *safe) {
			if _, err := s.try(otpPolicy, live.Options{KeepCodes: true}); err != nil {
				s.Error(err)
			}
		}, false},

		{"rolled back", func(s *safe) { s.trial(longer); s.rollBack() }, false},
		{"rolled back, the table was lost", func(s *safe) { s.trial(longer); s.flush(); s.rollBack() }, false},
		{"rolled back, to no codes at first", func(s *safe) { s.trial("knock web < 7001 9001 -> 80 >\n"); s.rollBack() }, false},
		{"rolled back, codes were used on trial", func(s *safe) { s.trial(more); s.uses("ssh.key", 1); s.uses("ssh.key", 5); s.rollBack() }, false},
		{"kept", func(s *safe) {
			a := s.trial(longer)
			s.must(func() error { _, err := a.Trial.Keep(); return err })
		}, false},
		{"kept, the table was lost", func(s *safe) {
			a := s.trial(longer)
			s.flush()
			s.must(func() error { _, err := a.Trial.Keep(); return err })
		}, false},

		{"lost", func(s *safe) { s.flush(); s.apply(otpPolicy) }, false},
		{"removed", func(s *safe) { s.uses("ssh.key", 4); s.remove(); s.apply(otpPolicy) }, false},
		{"boot with a listing, refilled", func(s *safe) { s.boots(s.saved); s.refill() }, false},
		{"boot with a listing, applied", func(s *safe) { s.boots(s.saved); s.apply(otpPolicy) }, false},
		{"boot with a listing, applied early", func(s *safe) {
			s.boots(s.saved)
			if _, err := s.try(otpPolicy, live.Options{KeepCodes: true}); err != nil {
				s.Error(err)
			}
			s.replays("early in the boot")
			s.refill()
		}, false},
		{"a listing of long ago is loaded again", func(s *safe) {
			s.flush()
			s.loads(withTimes.ReplaceAllString(s.saved, "timeout 2h"))
			s.refill()
		}, false},
		{"a listing of long ago is loaded again, applied", func(s *safe) {
			s.flush()
			s.loads(withTimes.ReplaceAllString(s.saved, "timeout 2h"))
			s.apply(otpPolicy)
		}, false},
		{"boot with nothing", func(s *safe) { s.boots(""); s.apply(otpPolicy) }, false},
		{"boot with a clock a minute behind", func(s *safe) { s.fast -= time.Minute; s.boots(s.saved); s.apply(otpPolicy) }, false},

		{"the clock goes back an hour", func(s *safe) { s.fast -= time.Hour; s.refill() }, true},
		{"the clock goes back an hour and forward", func(s *safe) { s.fast -= time.Hour; s.refill(); s.fast += time.Hour; s.refill() }, false},
		{"the clock goes forward an hour", func(s *safe) { s.fast += time.Hour; s.refill() }, false},
		{"suspended", func(s *safe) { s.fast += time.Minute; s.slept += time.Minute; s.refill() }, false},

		{"another key, and this one again", func(s *safe) { s.apply(otherKey); s.uses("other.key", 0); s.apply(otpPolicy) }, false},
		{"another key on trial", func(s *safe) { s.trial(otherKey); s.rollBack() }, false},
		{"the key is replaced, and put back", func(s *safe) { s.swapKeys(); s.refill(); s.swapKeys(); s.refill() }, true},

		{"the notes are gone", func(s *safe) {
			s.write("codes.json", "")
			os.Remove(filepath.Join(s.files, "codes.json"))
			s.apply(otpPolicy)
		}, false},
		{"nobody can read the notes", func(s *safe) { s.write("codes.json", "{"); s.apply(otpPolicy) }, false},
		{"nobody can read the notes, the table is lost", func(s *safe) {
			s.write("codes.json", "{")
			s.flush()
			s.apply(otpPolicy)
			s.sent = s.sent[:1] // that a client was so fast nobody knows any more
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSafe(t)
			s.apply(otpPolicy)
			s.saved = s.nft("list", "ruleset")
			s.uses("ssh.key", 0)
			s.uses("ssh.key", 3)
			s.refill()
			c.does(s)
			s.replays("at last")
			if open := s.lastOpens("ssh.key"); open == c.shut {
				s.Errorf("a code of later opens: %v\n%s", open, s.listed())
			}
			s.replays("again")
		})
	}
}

func (s *safe) loads(ruleset string) {
	if err := s.Load(ruleset); err != nil {
		s.Fatal(err)
	}
}

var withTimes = regexp.MustCompile(`timeout \w+ expires \w+`)

func (s *safe) flush() { s.nft("delete", "table", "inet", "knockc") }

// boots is as if the host had booted, with a firewall that was saved.
func (s *safe) boots(ruleset string) {
	s.nft("flush", "ruleset")
	s.boot++
	if err := s.Load(ruleset); err != nil {
		s.Fatal(err)
	}
}

func (s *safe) script(policy string) {
	var b strings.Builder
	if err := compile(s.T, policy).Ruleset.WriteNFT(&b, nil); err != nil {
		s.Fatal(err)
	}
	if err := s.Load(b.String()); err != nil {
		s.Fatal(err)
	}
}

func (s *safe) trial(policy string) *live.Applied {
	s.Helper()
	a, err := s.try(policy, live.Options{Confirm: time.Hour, Rollback: []string{"true"}})
	if err != nil {
		s.Fatal(err)
	}
	return a
}

func (s *safe) rollBack() {
	s.Helper()
	notes, _ := filepath.Glob(filepath.Join(s.files, "*.trial"))
	text, err := os.ReadFile(notes[0])
	if err != nil || strings.Contains(string(text), "expires 5m") || strings.Contains(string(text), fmt.Sprintf("%x", s.code("ssh.key", 2))) {
		s.Errorf("the listing of before has codes, or cannot be read: %v", err)
	}
	s.must(func() error { return s.live.Rollback("knockc") })
}

func (s *safe) write(file, text string) {
	if err := os.WriteFile(filepath.Join(s.files, file), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// swapKeys puts each key into the file of the other.
func (s *safe) swapKeys() {
	file := func(name string) string { return filepath.Join(s.files, name) }
	for _, err := range []error{
		os.Rename(file("ssh.key"), file("x")), os.Rename(file("other.key"), file("ssh.key")), os.Rename(file("x"), file("other.key")),
	} {
		if err != nil {
			s.Fatal(err)
		}
	}
}

// TestCodesFailWholeOnKernel: codes that cannot be loaded, or noted, change nothing.
func TestCodesFailWholeOnKernel(t *testing.T) {
	for _, c := range []struct {
		name  string
		does  func(s *safe)
		wants string
	}{
		{"a full set", func(s *safe) {
			for i := 0; ; i++ {
				if _, err := s.Nft("add", "element", "inet", "knockc", "ssh_codes", fmt.Sprintf("{ 0x%032x timeout 1h }", i+1)); err != nil {
					return
				}
			}
		}, "is full"},
		{"notes that cannot be written", func(s *safe) {
			file := filepath.Join(s.files, "codes.json")
			if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
				s.Fatal(err)
			}
		}, "codes.json"},
		{"notes that others can write", func(s *safe) {
			if err := os.Chmod(filepath.Join(s.files, "codes.json"), 0o666); err != nil {
				s.Fatal(err)
			}
		}, "others can write it"},
		{"no key", func(s *safe) { os.Remove(filepath.Join(s.files, "ssh.key")) }, "ssh.key"},
		{"a key that is none", func(s *safe) { s.write("ssh.key", "secret") }, "is not a key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSafe(t)
			s.apply(otpPolicy)
			s.uses("ssh.key", 0)
			later, last := s.code("ssh.key", 2), s.code("ssh.key", 29)
			c.does(s)
			before := s.listed()
			fails := func(what string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), c.wants) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: %v", what, err)
				}
				if after := s.listed(); after != before {
					t.Errorf("%s: left is\n%s\nbefore there was\n%s", what, after, before)
				}
			}
			s.fast, s.slept = s.fast+20*time.Second, s.slept-20*time.Second // there are codes to add
			edited := strings.ReplaceAll(otpPolicy, "1h", "2h")
			_, err := s.try(edited, live.Options{})
			fails("apply", err)
			_, err = s.try(edited, live.Options{Confirm: time.Hour, Rollback: []string{"true"}})
			fails("apply on trial", err)
			_, err = s.tryRefill()
			fails("refill", err)
			s.replays("after that")
			if !s.opens(later) || !s.opens(last) {
				t.Error("the codes that there were do not open")
			}
		})
	}
}

// TestCodesEndOnKernel: a code that nobody uses ends with the period after its own.
func TestCodesEndOnKernel(t *testing.T) {
	s := newSafe(t)
	now := time.Now()
	s.fast = now.Truncate(otpPeriod).Add(2*otpPeriod - time.Second).Sub(now) // a second before a period ends
	s.apply(otpPolicy)
	present, next := s.code("ssh.key", 0), s.code("ssh.key", 1)
	time.Sleep(otpPeriod + 1500*time.Millisecond)
	if s.opens(present) || !s.opens(next) {
		t.Error("the code of a period opens after the next one, or the next one does not")
	}
}

// TestRollbackWithoutKeysOnKernel: a policy that a script has loaded is rolled back to, and
// that it has no codes is said: nobody has noted where its keys are.
func TestRollbackWithoutKeysOnKernel(t *testing.T) {
	s := newSafe(t)
	s.apply(otpPolicy)
	s.uses("ssh.key", 0)
	s.script(strings.ReplaceAll(otpPolicy, "1h", "2h"))
	s.trial(otpPolicy)
	err := s.Do(func() error { return s.live.Rollback("knockc") })
	if !errors.Is(err, live.ErrNoCodes) {
		t.Errorf("rolled back: %v", err)
	}
	if s.lastOpens("ssh.key") {
		t.Error("a code opens")
	}
	var unknown *live.UnknownCodesError
	if _, err := s.tryRefill(); !errors.As(err, &unknown) {
		t.Errorf("refill: %v", err)
	}
	s.apply(otpPolicy)
	s.replays("after that")
	if !s.lastOpens("ssh.key") {
		t.Error("no code opens")
	}
}
