package spec

import (
	"encoding/binary"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The ceilings that the goals are held beside: what can be read at all.

// ceilingText reads the lines of [seeded.Trace] and nothing else, and checks
// nothing. It returns a sum over what it read.
func ceilingText(name string) (sum uint64, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(data); {
		field := uint64(0)
		for ; data[i] != '\n'; i++ {
			if digit := data[i] - '0'; digit < 10 {
				field = field*10 + uint64(digit)
				continue
			}
			sum, field = sum+field, 0
		}
		sum += field
		i++
	}
	return sum, nil
}

// ceilingCapture reads the frames of [seeded.Capture] and nothing else.
func ceilingCapture(name string) (sum uint64, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for data = data[24:]; len(data) > 0; {
		size := 16 + binary.LittleEndian.Uint32(data[8:])
		frame := data[16:size]
		if binary.BigEndian.Uint16(frame[12:]) == 0x0800 && frame[14] == 0x45 && frame[23] == 6 {
			sum += uint64(binary.LittleEndian.Uint32(data)) + uint64(binary.LittleEndian.Uint32(data[4:]))
			sum += uint64(binary.BigEndian.Uint32(frame[26:])) + uint64(binary.BigEndian.Uint32(frame[34:])) + uint64(frame[47])
		}
		data = data[size:]
	}
	return sum, nil
}

// goSource is a megabyte of Go, from Go's own library.
func goSource(b *testing.B) (sources [][]byte, size int) {
	b.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/net/http/*.go"))
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		sources = append(sources, src)
		if size += len(src); size >= 1<<20 {
			return sources, size
		}
	}
	b.Fatal("there is no Go source to compare with")
	return nil, 0
}

// gofmt formats all sources.
func gofmt(sources [][]byte) error {
	for _, src := range sources {
		if _, err := format.Source(src); err != nil {
			return err
		}
	}
	return nil
}
