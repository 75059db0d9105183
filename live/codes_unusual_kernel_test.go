//go:build linux

package live_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/knockc/live"
)

// TestChangedKeyOnKernel: once a key was replaced and its codes loaded, no code of the old
// one opens, used or not, and those of the new one do at once.
func TestChangedKeyOnKernel(t *testing.T) {
	s := newSafe(t)
	s.apply(otpPolicy)
	s.uses("ssh.key", 0)
	present, later := s.code("ssh.key", 1), s.code("ssh.key", 7)
	s.swapKeys()
	s.refill()
	s.replays("with another key")
	if s.opens(present) || s.opens(later) {
		t.Error("a code of the old key opens")
	}
	s.uses("ssh.key", 0)
	s.uses("ssh.key", 7)
}

// TestEditedEarlyOnKernel: an edited policy that is loaded without codes, as at boot, has
// noted which were used.
func TestEditedEarlyOnKernel(t *testing.T) {
	s := newSafe(t)
	s.apply(otpPolicy)
	s.uses("ssh.key", 0)
	s.uses("ssh.key", 5)
	if _, err := s.try(strings.ReplaceAll(otpPolicy, "1h", "2h"), live.Options{KeepCodes: true}); err != nil {
		t.Fatal(err)
	}
	if s.lastOpens("ssh.key") {
		t.Error("codes of the policy before open")
	}
	s.apply(strings.ReplaceAll(otpPolicy, "1h", "2h"))
	s.replays("after that")
	if !s.lastOpens("ssh.key") {
		t.Error("no code opens")
	}
}

// TestSlowLoadOnKernel: what a client uses while codes are loaded afresh, which takes longer
// than periods here, is not loaded again.
func TestSlowLoadOnKernel(t *testing.T) {
	s := newSafe(t)
	s.apply(otpPolicy)
	s.boot++ // all are to be loaded afresh
	s.live.BeforeLoad(func() {
		s.uses("ssh.key", 1)
		s.uses("ssh.key", 2)
		s.uses("ssh.key", 3)
		s.fast, s.slept = s.fast+30*time.Second, s.slept-30*time.Second
	})
	s.apply(otpPolicy)
	s.replays("after that")
	if !s.lastOpens("ssh.key") {
		t.Error("no code opens")
	}
}

// TestOtherNamespaceOnKernel: what is noted of a policy in one network namespace says nothing
// of the same one in another, whose key may be elsewhere.
func TestOtherNamespaceOnKernel(t *testing.T) {
	s, other := newSafe(t), newSafe(t)
	other.live = live.NewTestHost(other, func() (string, error) { return "boot0", nil }, s.files)
	s.apply(otpPolicy)
	other.script(otpPolicy)
	var unknown *live.UnknownCodesError
	if all, err := other.tryRefill(); !errors.As(err, &unknown) {
		t.Errorf("refill in the other: %v, %v", all, err)
	}
	other.apply(otpPolicy)
	s.uses("ssh.key", 3)
	s.refill()
	other.refill()
	s.replays("in the first")
}
