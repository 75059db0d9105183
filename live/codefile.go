//go:build linux

package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// codeStore keeps what has to be known of one-time codes when their table is lost.
// [codeFile] is the real one.
type codeStore interface {
	// Lock keeps other processes from loading codes until unlock is called or the process
	// ends. It waits for them as long as patience says; then it is [ErrBusy].
	Lock(patience time.Duration) (unlock func(), err error)

	Read() (*codeNotes, error)
	Write(*codeNotes) error // is on the disk when it returns
}

// codeFile keeps notes in a file that only its owner can read and write. It is written as
// a whole, so whoever reads it has the notes before or after.
type codeFile struct {
	folder string
	clock  Clock
}

const stateFolder = "/var/lib/knockc"

// stateVariable names another folder. It is not systemd's own variable, which would differ
// between a unit and the timer that rolls its policy back.
const stateVariable = "KNOCKC_STATE"

// name is that of a file in the folder, which is made. Root in a user namespace, who may
// not write there, has it among the user's own.
func (f *codeFile) name(file string) (string, error) {
	folder, err := f.folder, os.MkdirAll(f.folder, 0o700)
	if err == nil {
		err = unix.Access(folder, unix.W_OK)
	}
	if home, homeErr := os.UserHomeDir(); homeErr == nil && errors.Is(err, fs.ErrPermission) {
		folder = filepath.Join(home, ".local", "state", "knockc")
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("cannot write in %s: %w", folder, err)
	}
	return filepath.Join(folder, file), nil
}

func (f *codeFile) Lock(patience time.Duration) (unlock func(), err error) {
	name, err := f.name("lock")
	if err != nil {
		return nil, err
	}
	return lockFile(name, f.clock, patience)
}

// notesOnDisk are notes as the file has them. People may read them, and nothing in them is
// a secret.
type notesOnDisk struct {
	Series []seriesOnDisk `json:"series"`
	Lost   time.Time      `json:"lost,omitzero"`
	Loaded []loadedOnDisk `json:"loaded,omitempty"`
}

type seriesOnDisk struct {
	Knock  string    `json:"knock"`
	Key    string    `json:"key"`
	Period int64     `json:"period"` // seconds
	First  int64     `json:"first"`
	Next   int64     `json:"next"`
	Mark   string    `json:"mark,omitempty"`
	Seen   time.Time `json:"seen"`
	Left   []int64   `json:"left,omitempty"`
}

// loadedOnDisk are the codes of a policy that was loaded.
type loadedOnDisk struct {
	Network uint64        `json:"network"` // its namespace
	At      string        `json:"at"`
	Policy  string        `json:"policy"`
	Codes   []codesOnDisk `json:"codes"`
}

// mostElsewhere bounds what is kept of other network namespaces, which nobody sees go.
const mostElsewhere = 100

type codesOnDisk struct {
	Knock  string `json:"knock"`
	File   string `json:"file"`
	Period int64  `json:"period"` // seconds
	Ahead  int64  `json:"ahead"`  // seconds
}

// Read reads the notes. A file that cannot be what Write has written tells nothing, except
// that keys were used until it was changed last: then codes are loaded from after that
// time on. To refuse it would be no safer, and would shut doors for good that a person may
// need to mend the file.
func (f *codeFile) Read() (*codeNotes, error) {
	name, err := f.name("codes.json")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return &codeNotes{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s: others can write it, so it tells nothing of what was used: remove it, and make new keys", name)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	network, err := namespace()
	if err != nil {
		return nil, err
	}
	notes, err := parseNotes(text, network)
	if err != nil {
		return &codeNotes{Lost: info.ModTime(), Damage: fmt.Errorf("%s cannot be read (%w): knocks begin with codes that nobody can have used", name, err)}, nil
	}
	return notes, nil
}

// parseNotes reads notes as the programs of a network namespace need them.
func parseNotes(text []byte, network uint64) (*codeNotes, error) {
	var disk notesOnDisk
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&disk); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more in it")
	}
	notes := &codeNotes{Lost: disk.Lost, Loaded: map[string]sources{}}
	for _, l := range disk.Loaded {
		if l.Network != network {
			notes.elsewhere = append(notes.elsewhere, l)
			continue
		}
		of := sources{Policy: l.Policy}
		for _, c := range l.Codes {
			of.Codes = append(of.Codes, Codes{c.Knock, c.File, time.Duration(c.Period) * time.Second, time.Duration(c.Ahead) * time.Second})
		}
		notes.Loaded[l.At] = of
	}
	for _, s := range disk.Series {
		n := codeNote{series{s.Knock, s.Key, time.Duration(s.Period) * time.Second}, span{s.First, s.Next}, s.Seen, s.Left, s.Mark}
		_, twice := notes.find(n.series)
		if twice || n.Knock == "" || n.Key == "" || s.Period < 1 || n.First > n.Next || n.Seen.IsZero() || !slices.IsSorted(n.Left) {
			return nil, fmt.Errorf("knock %q is wrong", n.Knock)
		}
		notes.All = append(notes.All, n)
	}
	return notes, nil
}

func (f *codeFile) Write(notes *codeNotes) error {
	name, err := f.name("codes.json")
	if err != nil {
		return err
	}
	network, err := namespace()
	if err != nil {
		return err
	}
	disk := notesOnDisk{Series: []seriesOnDisk{}, Lost: notes.Lost.UTC()}
	disk.Loaded = append(disk.Loaded, notes.elsewhere[max(0, len(notes.elsewhere)-mostElsewhere):]...)
	for _, at := range slices.Sorted(maps.Keys(notes.Loaded)) {
		of := loadedOnDisk{Network: network, At: at, Policy: notes.Loaded[at].Policy, Codes: []codesOnDisk{}}
		for _, c := range notes.Loaded[at].Codes {
			of.Codes = append(of.Codes, codesOnDisk{c.Knock, c.File, int64(c.Period / time.Second), int64(c.Ahead / time.Second)})
		}
		disk.Loaded = append(disk.Loaded, of)
	}
	for _, n := range notes.All {
		disk.Series = append(disk.Series, seriesOnDisk{n.Knock, n.Key, int64(n.Period / time.Second), n.First, n.Next, n.Mark, n.Seen.UTC(), n.Left})
	}
	text, err := json.MarshalIndent(disk, "", "\t")
	if err != nil {
		return err
	}
	return writeWhole(name, append(text, '\n'))
}

// writeWhole puts a file in place of another, on the disk when it returns. It must be
// called under a lock: what a process that was killed has left beside the file is replaced.
func writeWhole(name string, text []byte) (err error) {
	beside := name + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(beside, name)
	}
	if err != nil {
		os.Remove(beside)
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
