package codes_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/knockc/codes"
)

// vectors are what any implementation must agree with.
type vectors struct {
	Codes []struct {
		Why, Key, Knock      string
		Time, Period, Number int64
		MAC, Code            string
	}
	Files []struct {
		Why, File string
		Key       *string
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCodes(t *testing.T) {
	for _, v := range readVectors(t).Codes {
		key, err := codes.ParseKey(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		length := time.Duration(v.Period) * time.Second
		n := codes.Period(time.Unix(v.Time, 999_999_999), length)
		mac := key.Of(v.Knock, n)
		code := mac.Code()
		if got := hex.EncodeToString(mac[:]); n != v.Number || got != v.MAC || hex.EncodeToString(code[:]) != v.Code {
			t.Errorf("%s: period %d, %s, want %d, %s", v.Why, n, got, v.Number, v.MAC)
		}
		if begins := codes.Begins(n, length).Unix(); begins > v.Time || v.Time >= begins+v.Period {
			t.Errorf("%s: the period begins at %d", v.Why, begins)
		}
		if ends := codes.Ends(n, length).Unix(); ends <= v.Time+v.Period || ends > v.Time+2*v.Period {
			t.Errorf("%s: the code ends at %d", v.Why, ends)
		}
	}
}

func TestKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, v := range readVectors(t).Files {
		if err := os.WriteFile(file, []byte(v.File), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := codes.ReadKey(file)
		switch {
		case v.Key != nil && (err != nil || key.Text() != *v.Key):
			t.Errorf("%s: %v", v.Why, err)
		case v.Key == nil && err == nil:
			t.Errorf("%s is read as a key", v.Why)
		case v.Key == nil && v.File != "" && strings.Contains(err.Error(), v.File[len(v.File)/2:]):
			t.Errorf("%s: the error quotes the file: %v", v.Why, err)
		}
	}
	if _, err := codes.ReadKey(t.TempDir()); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// TestWriteKey: a key is new each time, can be read again, and is never overwritten.
func TestWriteKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key := codes.NewKey()
	if err := codes.WriteKey(file, key); err != nil {
		t.Fatal(err)
	}
	if err := codes.WriteKey(file, codes.NewKey()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key in the same file: %v", err)
	}
	if got, err := codes.ReadKey(file); got != key || err != nil {
		t.Errorf("another key is read: %v", err)
	}
	if codes.NewKey() == key {
		t.Error("two keys are the same")
	}
	if err := codes.Exposed(file); err != nil {
		t.Error(err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for mode, why := range map[fs.FileMode]string{
		0o640: file + " can be read or written by others (mode 0640): chmod 600 it, or make a new key",
		0o604: file + " can be read or written by others (mode 0604): chmod 600 it, or make a new key",
		0o400: "",
	} {
		os.Chmod(file, mode)
		if err := codes.Exposed(file); err == nil && why != "" || err != nil && err.Error() != why {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
