package knock

import (
	"errors"
	"time"

	"example.org/knockc/codes"
)

// Secret is what a client makes one-time codes from.
type Secret struct {
	Key    codes.Key
	Knock  string // its name in the policy of the host
	Period time.Duration
}

// errNoSecret is the error of a step with a code in a sequence without a secret.
var errNoSecret = errors.New("there is no key for its code")

// datagram begins with the code of the period that a time is in.
func (s *Secret) datagram(now time.Time) ([]byte, error) {
	if s == nil {
		return nil, errNoSecret
	}
	mac := s.Key.Of(s.Knock, codes.Period(now, s.Period))
	return mac[:], nil
}

func (s *Secret) seconds() int { return int(s.Period / time.Second) }

// Next is when the next period begins, after the one that a time is in. A client that has
// sent a code can send another one then.
func (s *Secret) Next(now time.Time) time.Time {
	return codes.Begins(codes.Period(now, s.Period)+1, s.Period)
}
