package spec

import (
	"bytes"
	"encoding/binary"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The ceilings that the goals are held beside: what can be read at all.

// ceilingText reads the lines of a seeded trace as a program would that is made for them:
// what is said of each packet, and no more.
func ceilingText(name string) (sum uint64, err error) {
	data, err := ceilingFile(name)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(data); {
		var seconds, fraction, dport uint64
		seconds, i = ceilingNumber(data, i)
		point := i
		fraction, i = ceilingNumber(data, i+1)
		for digits := i - point - 1; digits < 9; digits++ {
			fraction *= 10
		}
		if data[i] == 's' {
			i++
		}
		i++
		sum += seconds*1e9 + fraction
		begin := i
		for data[i] != ' ' {
			i++
		}
		hi, lo, port := ceilingSource(data[begin:i])
		sum += hi + lo + port
		i += len(" -> ")
		proto := data[i]
		if proto == 'u' {
			i += len("udp/")
		}
		dport, i = ceilingNumber(data, i)
		sum += uint64(proto) + dport
		for data[i] != '\n' {
			sum = sum*31 + uint64(data[i])
			i++
		}
		i++
	}
	return sum, nil
}

// ceilingFile reads a file to where the one before it was: memory that is touched for the
// first time may take longer than parsing what is in it.
func ceilingFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	ceilingMemory = slices.Grow(ceilingMemory[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, ceilingMemory)
	return ceilingMemory, err
}

var ceilingMemory []byte

// ceilingNumber reads a number, and tells where it ends.
func ceilingNumber(data []byte, i int) (n uint64, end int) {
	for data[i]-'0' <= 9 {
		n = 10*n + uint64(data[i]-'0')
		i++
	}
	return n, i
}

// ceilingSource reads `addr`, `addr:port` or `[addr6]:port`.
func ceilingSource(text []byte) (hi, lo, port uint64) {
	i := 0
	if bytes.IndexByte(text, '.') >= 0 {
		for octets, octet := 0, uint64(0); octets < 4; i++ {
			if i < len(text) && text[i]-'0' <= 9 {
				octet = 10*octet + uint64(text[i]-'0')
				continue
			}
			lo, octet = lo<<8|octet, 0
			octets++
		}
	} else {
		var groups [8]uint64
		n, double := 0, 0
		if text[0] == '[' {
			i++
		}
		for group := uint64(0); ; i++ {
			switch {
			case i < len(text) && text[i]-'0' <= 9:
				group = group<<4 | uint64(text[i]-'0')
				continue
			case i < len(text) && text[i]-'a' <= 5:
				group = group<<4 | uint64(text[i]-'a'+10)
				continue
			}
			groups[n], group = group, 0
			n++
			if i >= len(text) || text[i] != ':' {
				break
			}
			if text[i+1] == ':' {
				double = n
				i++
			}
		}
		copy(groups[8-n+double:], groups[double:n])
		clear(groups[double : 8-n+double])
		for k := range 4 {
			hi, lo = hi<<16|groups[k], lo<<16|groups[4+k]
		}
		i += 2
	}
	for ; i < len(text); i++ {
		port = 10*port + uint64(text[i]-'0')
	}
	return hi, lo, port
}

// ceilingCapture reads the frames of [seeded.Capture] and nothing else.
func ceilingCapture(name string) (sum uint64, err error) {
	data, err := ceilingFile(name)
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
