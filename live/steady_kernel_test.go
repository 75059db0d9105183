//go:build linux

package live_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
	"example.org/knockc/live"
)

// TestReadAmidChangesOnKernel looks for a policy while its table is deleted and made again, in
// one transaction each time, as by a rollback: the policy is always there, and has all knocks.
func TestReadAmidChangesOnKernel(t *testing.T) {
	const replacements, knocks = 60, 200 // so many that the kernel takes its time
	ns := netns.NewNamespace(t)
	var policy, script strings.Builder
	for i := range knocks {
		fmt.Fprintf(&policy, "knock k%d < %d 2000 3000 -> %d >\n", i, 10000+i, 20000+i)
	}
	if err := compile(t, policy.String()).Ruleset.WriteNFT(&script, nil); err != nil {
		t.Fatal(err)
	}
	ns.RunWith(t, script.String(), "nft", "-f", "-")
	again := "delete table inet knockc\n" + ns.Run(t, "nft", "list", "table", "inet", "knockc")
	replaced := make(chan error, 1)
	go func() {
		for range replacements {
			c := ns.Command(t.Context(), "nft", "-f", "-")
			c.Stdin = strings.NewReader(again)
			if said, err := c.CombinedOutput(); err != nil {
				replaced <- fmt.Errorf("%w: %s", err, said)
				return
			}
		}
		replaced <- nil
	}()
	err := ns.Do(func() error {
		reader := live.NewHost(live.MonotonicClock{})
		defer reader.Close()
		for reads := 0; ; reads++ {
			select {
			case err := <-replaced:
				return err
			default:
			}
			at, err := reader.Find("")
			if err != nil {
				t.Errorf("find after %d reads: %v", reads, err)
			} else if reads%50 == 0 {
				if s, err := reader.Status(at, nil); err != nil || len(s.Knocks) != knocks {
					t.Errorf("status after %d reads: %+v, %v", reads, s, err)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
