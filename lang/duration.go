package lang

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// units are the units of durations, largest first.
var units = []struct {
	name string
	size time.Duration
}{
	{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", time.Nanosecond},
}

// ParseDuration reads a duration such as `1m30s` or `1.5s`: decimal numbers with a
// unit, largest unit first, each unit once, in whole multiples of the given resolution.
// Units below the resolution are unknown. The error completes a sentence that begins
// with the text.
func ParseDuration(text string, resolution time.Duration) (time.Duration, error) {
	var total time.Duration
	next := 0
	for rest := text; rest != ""; {
		n := numberEnd(rest)
		if n == 0 {
			return 0, ErrNoDuration
		}
		end := n + unitEnd(rest[n:])
		unit, err := unitIndex(rest[n:end], next, resolution)
		if err != nil {
			return 0, err
		}
		d, err := scale(rest[:n], units[unit].size)
		if err != nil {
			return 0, err
		}
		if total += d; total < 0 {
			return 0, errTooLong
		}
		next, rest = unit+1, rest[end:]
	}
	if text == "" {
		return 0, ErrNoDuration
	}
	if total%resolution != 0 {
		return 0, fmt.Errorf("is finer than whole %s", unitName(resolution))
	}
	return total, nil
}

// ParseTime reads a time of a trace: a duration, or a bare number of seconds.
func ParseTime(text string) (time.Duration, error) {
	if text != "" && numberEnd(text) == len(text) {
		return scale(text, time.Second)
	}
	return ParseDuration(text, time.Nanosecond)
}

// TimePrefix reads the time at the beginning of a text, if it is a single number with
// its unit, or bare. n is its length, 0 if there is none.
func TimePrefix(text string) (d time.Duration, n int) {
	number := numberEnd(text)
	n = number
	for n < len(text) && 'a' <= text[n] && text[n] <= 'z' {
		n++
	}
	size := time.Second
	if unit := text[number:n]; unit != "" && unit != "s" {
		i, err := unitIndex(unit, 0, time.Nanosecond)
		if err != nil {
			return 0, 0
		}
		size = units[i].size
	}
	d, err := scale(text[:number], size)
	if err != nil {
		return 0, 0
	}
	return d, n
}

// ErrNoDuration is the error for a text that does not even look like a duration.
var ErrNoDuration = errors.New("is not a duration")

var (
	errNoUnit  = errors.New("has no unit")
	errTooLong = errors.New("is longer than 292 years")
	errTooFine = errors.New("is finer than a nanosecond")
)

// unitIndex finds a unit, which must be smaller than the one before it.
func unitIndex(name string, next int, resolution time.Duration) (int, error) {
	if name == "" {
		return 0, errNoUnit
	}
	for i, u := range units {
		switch {
		case u.name != name || u.size < resolution:
		case i < next:
			return 0, fmt.Errorf("must have each unit once, the largest first")
		default:
			return i, nil
		}
	}
	return 0, fmt.Errorf("has the unknown unit %s", Quote(name))
}

// scale multiplies a decimal number by a unit, exactly or not at all.
func scale(number string, unit time.Duration) (time.Duration, error) {
	whole, fraction := number, ""
	if dot := strings.IndexByte(number, '.'); dot >= 0 {
		whole, fraction = number[:dot], number[dot+1:]
		if fraction == "" || strings.IndexByte(fraction, '.') >= 0 {
			return 0, ErrNoDuration
		}
	}
	if whole == "" {
		return 0, ErrNoDuration
	}
	n, ok := decimal(whole)
	high, low := bits.Mul64(n, uint64(unit))
	if !ok || high != 0 || low > math.MaxInt64 {
		return 0, errTooLong
	}
	part, ok := partOf(fraction, uint64(unit))
	total := low + part
	switch {
	case !ok:
		return 0, errTooFine
	case total > math.MaxInt64:
		return 0, errTooLong
	}
	return time.Duration(total), nil
}

// partOf multiplies the digits of a fraction by a unit; false if that is no whole number.
func partOf(fraction string, unit uint64) (part uint64, ok bool) {
	if len(fraction) < len(powers) && unit <= uint64(time.Second) { // the product fits
		rest, _ := decimal(fraction)
		product, divisor := rest*unit, powers[len(fraction)]
		return product / divisor, product%divisor == 0
	}
	rest, divisor := uint64(0), uint64(1)
	for _, digit := range []byte(strings.TrimRight(fraction, "0")) {
		if divisor > unit {
			return 0, false
		}
		rest, divisor = rest*10+uint64(digit-'0'), divisor*10
	}
	high, low := bits.Mul64(rest, unit)
	part, remainder := bits.Div64(high, low, divisor)
	return part, remainder == 0
}

// powers are the powers of ten up to that of a nanosecond in a second.
var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// decimal reads digits; false if they do not fit.
func decimal(digits string) (n uint64, ok bool) {
	for i := range len(digits) {
		if n > math.MaxUint64/10-1 {
			return 0, false
		}
		n = n*10 + uint64(digits[i]-'0')
	}
	return n, true
}

func numberEnd(s string) int {
	i := 0
	for i < len(s) && isNumeric(s[i]) {
		i++
	}
	return i
}

func unitEnd(s string) int {
	i := 0
	for i < len(s) && !isNumeric(s[i]) {
		i++
	}
	return i
}

func isNumeric(c byte) bool { return isDigit(c) || c == '.' }

// isUnit reports whether a text is a unit of durations in a policy.
func isUnit(text string) bool {
	_, err := unitIndex(text, 0, time.Millisecond)
	return err == nil
}

func unitName(size time.Duration) string {
	if size == time.Millisecond {
		return "milliseconds"
	}
	return "nanoseconds"
}

// FormatDuration writes a duration in the language's own form, in whole numbers
// of units: `1m30s`, `500ms`. [Forever] is `forever`.
func FormatDuration(d time.Duration) string {
	switch d {
	case 0:
		return "0s"
	case Forever:
		return "forever"
	}
	var b []byte
	for _, u := range units {
		if n := d / u.size; n > 0 {
			b = append(strconv.AppendInt(b, int64(n), 10), u.name...)
			d %= u.size
		}
	}
	return string(b)
}

// FormatSeconds writes a duration as a decimal number of seconds, exact to the
// nanosecond: `12.5`.
func FormatSeconds(d time.Duration) string { return string(AppendSeconds(nil, d)) }

// AppendSeconds appends what [FormatSeconds] writes.
func AppendSeconds(b []byte, d time.Duration) []byte {
	b = strconv.AppendInt(b, int64(d/time.Second), 10)
	rest := d % time.Second
	if rest != 0 {
		b = append(b, '.')
	}
	for place := time.Second / 10; rest != 0; place /= 10 {
		b = append(b, '0'+byte(rest/place))
		rest %= place
	}
	return b
}
