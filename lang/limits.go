package lang

import "fmt"

// The limits of reading a text.
const (
	MaxErrors = 100     // reading stops after so many errors
	MaxPolicy = 4 << 20 // bytes of a policy; to find a file too long, one more is read
)

// FirstErrors cuts findings, which must be in order, if they have more than [MaxErrors]
// errors. The last one then says that reading stopped.
func FirstErrors(found []Finding) (first []Finding, stopped bool) {
	errors := 0
	for i := range found {
		if found[i].Severity == Error {
			errors++
		}
		if errors > MaxErrors {
			found[i].Message, found[i].Hint = fmt.Sprintf("there are more errors: reading stopped here, after %d", MaxErrors), ""
			return found[:i+1], true
		}
	}
	return found, false
}
