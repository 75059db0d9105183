//go:build linux

package live

// steady reads what takes several requests, until nobody has changed any table meanwhile: all
// of it is then from one moment. A host whose tables change all the time gets what it read last.
func steady[T any](generation func() (uint32, error), read func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		before, err := generation()
		if err != nil {
			var none T
			return none, err
		}
		found, err := read()
		if after, lost := generation(); lost != nil || after == before || try == maxTries {
			return found, err
		}
	}
}
