package codes

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxFile is how many bytes the file of a key has at most: 64 digits and a line end.
const maxFile = 66

// ReadKey reads the file of a key, see [ParseKey]. Its errors do not quote what is in the
// file.
func ReadKey(name string) (Key, error) {
	if _, err := ParseKey(name); err == nil {
		return Key{}, errors.New("this is a key, and not the name of its file: make a new one, since others may have seen it")
	}
	if err := regular(os.Stat(name)); err != nil { // to open a pipe could take for ever
		return Key{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return Key{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Key{}, err
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%s %w", name, err)
	}
	return key, nil
}

func regular(info os.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: info.Name(), Err: errors.New("not a regular file")}
	}
	return err
}

// errNoKey completes a sentence that begins with the name of the file.
var errNoKey = errors.New("is not a key: a key is 64 hexadecimal digits and a line end, as `knockc key` writes them")

// ParseKey reads the text of a key: 64 hexadecimal digits, then nothing, a line feed, or
// a carriage return and a line feed.
func ParseKey(text string) (key Key, err error) {
	digits, line := strings.CutSuffix(text, "\n")
	if line {
		digits = strings.TrimSuffix(digits, "\r")
	}
	if len(digits) != hex.EncodedLen(len(key)) {
		return Key{}, errNoKey
	}
	if _, err := hex.Decode(key[:], []byte(digits)); err != nil {
		return Key{}, errNoKey
	}
	return key, nil
}

// NewKey makes a random key.
func NewKey() (key Key) {
	rand.Read(key[:]) // never fails
	return key
}

// WriteKey writes a key to a new file that only its owner can read. If there is something
// with that name, it stays, and the error is [os.ErrExist].
func WriteKey(name string, key Key) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(name)
		}
	}()
	_, err = io.WriteString(f, key.Text()+"\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// Text is the key as its file has it, without the line end.
func (k Key) Text() string { return hex.EncodeToString(k[:]) }

// String does not give the key away.
func (k Key) String() string { return "key " + k.ID() }

// ID tells keys apart and does not give them away.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("knockc key "), k[:]...))
	return hex.EncodeToString(sum[:8])
}

// Exposed is why others may know or change the key in a file; nil if they should not.
func Exposed(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if why := exposed(info); why != "" {
		return fmt.Errorf("%s %s", name, why)
	}
	return nil
}
