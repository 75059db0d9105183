package capture

import (
	"fmt"
	"strings"
)

// format is what a file's first bytes say that it is; "": none of these.
type format string

const (
	pcap   format = "pcap"
	pcapng format = "pcapng"
)

// magicSize is how many bytes tell the format.
const magicSize = 4

var magics = map[string]format{
	"\xa1\xb2\xc3\xd4": pcap, "\xd4\xc3\xb2\xa1": pcap, // in microseconds
	"\xa1\xb2\x3c\x4d": pcap, "\x4d\x3c\xb2\xa1": pcap, // in nanoseconds
	"\x0a\x0d\x0d\x0a": pcapng,
	"\x1f\x8b":         "gzip",
	"\x28\xb5\x2f\xfd": "zstd",
	"\xfd7zX":          "xz",
}

func formatOf(begin []byte) format {
	for magic, f := range magics {
		if strings.HasPrefix(string(begin), magic) {
			return f
		}
	}
	return ""
}

// IsCapture reports whether a file with this beginning is a capture, or a compressed
// file, which may be one. Four bytes are enough.
func IsCapture(begin []byte) bool { return formatOf(begin) != "" }

// CompressedError says that a file is compressed.
type CompressedError struct {
	Program string // that did it, and that decompresses it: gzip, zstd or xz
}

func (e *CompressedError) Error() string {
	return fmt.Sprintf("it is compressed with %s; decompress it first", e.Program)
}

// Compressed returns a [CompressedError] if a file that begins so is compressed.
func Compressed(begin []byte) error {
	if f := formatOf(begin); f != "" && f != pcap && f != pcapng {
		return f.compressed()
	}
	return nil
}

func (f format) compressed() error { return &CompressedError{string(f)} }
