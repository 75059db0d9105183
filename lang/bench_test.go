package lang_test

import (
	"fmt"
	"testing"

	"example.org/knockc/internal/seeded"
	"example.org/knockc/lang"
)

func BenchmarkFormat(b *testing.B) {
	for _, n := range []int{100, 10000} {
		src := []byte(seeded.Bodies(n))
		b.Run(fmt.Sprintf("knocks=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				lang.Format(src)
			}
		})
	}
}

func BenchmarkExamine(b *testing.B) {
	for _, n := range []int{100, 10000} {
		src := []byte(seeded.Bodies(n))
		b.Run(fmt.Sprintf("knocks=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				lang.Examine(src)
			}
		})
	}
}
