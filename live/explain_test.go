//go:build linux

package live

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExplain: what the kernel refuses becomes one line that says what to do, also where
// the library has kept but the text.
func TestExplain(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("receiveAckAware: %v", unix.EPERM), "this needs CAP_NET_ADMIN: run it as root"},
		{fmt.Errorf("socket: %w", unix.EPROTONOSUPPORT), "this kernel has no nf_tables (socket: protocol not supported)"},
		{fmt.Errorf("SendMessages: %v", unix.EOPNOTSUPP), "this kernel has no nf_tables (SendMessages: operation not supported)"},
		{errors.Join(unix.EEXIST, unix.EEXIST, unix.EEXIST), "file exists"},
	} {
		if got := explain(test.err).Error(); got != test.want {
			t.Errorf("%v is told as %q, want %q", test.err, got, test.want)
		}
	}
}
