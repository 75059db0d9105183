package codes

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxFile is how many bytes of a key's file are read: a key has 64 digits and a line end.
const MaxFile = 66

// ReadKey reads a key's file, which [ParseKey] explains. Errors do not quote what is in it.
func ReadKey(name string) (Key, error) {
	f, err := os.Open(name)
	if err != nil {
		return Key{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return Key{}, err
	} else if !info.Mode().IsRegular() {
		return Key{}, fmt.Errorf("%s: is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return Key{}, err
	}
	key, err := ParseKey(b)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return key, err
}

var errNotKey = errors.New("is not a key: a key is 64 hexadecimal digits in a line, as `knockc key` writes them")

// ParseKey reads a key: exactly 64 hexadecimal digits, then nothing or one line end.
func ParseKey(text []byte) (key Key, err error) {
	digits := text
	for _, end := range []string{"\n", "\r"} {
		if n := len(digits) - 1; n >= 0 && string(digits[n:]) == end {
			digits = digits[:n]
		}
	}
	if len(digits) != hex.EncodedLen(len(key)) {
		return Key{}, errNotKey
	}
	if _, err := hex.Decode(key[:], digits); err != nil {
		return Key{}, errNotKey
	}
	return key, nil
}

// ID tells keys apart and does not give them away.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("knockc key "), k[:]...))
	return hex.EncodeToString(sum[:8])
}
