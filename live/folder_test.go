//go:build linux

package live

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// steppingClock lets time go by when someone sleeps.
type steppingClock struct{ now time.Duration }

func (c *steppingClock) Now() time.Duration { return c.now }
func (*steppingClock) Wall() time.Time      { return time.Time{} }

func (c *steppingClock) Sleep(d time.Duration) { c.now += d }

// TestLock: one process has the lock of a table at a time, others wait as long as they
// have patience.
func TestLock(t *testing.T) {
	clock := &steppingClock{}
	f := &folder{filepath.Join(t.TempDir(), "knockc"), clock}
	unlock, err := f.Lock("knockc", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock("knockc", time.Second); !errors.Is(err, ErrBusy) || clock.now < time.Second || clock.now > 2*time.Second {
		t.Errorf("after %s a second one gets %v", clock.now, err)
	}
	if other, err := f.Lock("other", 0); err != nil {
		t.Errorf("the lock of another table: %v", err)
	} else {
		other()
	}
	unlock()
	if unlock, err = f.Lock("knockc", 0); err != nil {
		t.Errorf("unlocked it gets %v", err)
	} else {
		unlock()
	}
}

// TestNotes: a note is found as it was written, by table, until it is removed.
func TestNotes(t *testing.T) {
	path := t.TempDir()
	f := &folder{path, &steppingClock{}}
	want := note{Table: "knockc", Listed: 3 * time.Second, Until: time.Minute, Listing: "table inet knockc {\n}\n"}
	for _, until := range []time.Duration{time.Minute, time.Hour} {
		want.Until = until
		if err := f.Write(&want); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Find("knockc"); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("found %+v, %v; written was %+v", got, err, want)
		}
	}
	if tables, err := f.Tables(); err != nil || !slices.Equal(tables, []string{"knockc"}) {
		t.Errorf("there are notes about %q, %v", tables, err)
	}
	files, err := os.ReadDir(path)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, there are %v", err, files)
	}
	if got, err := f.Find("other"); got != nil || err != nil {
		t.Errorf("about another table there is %+v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(path, files[0].Name()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Find("knockc"); err == nil || !strings.HasPrefix(err.Error(), "read "+path) {
		t.Errorf("of a note that was cut short it says %v", err)
	}
	for range 2 { // removed once, it stays so
		if err := f.Remove("knockc"); err != nil {
			t.Error(err)
		}
	}
	if got, err := f.Find("knockc"); got != nil || err != nil {
		t.Errorf("removed, it is %+v, %v", got, err)
	}
}
