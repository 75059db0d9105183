//go:build linux

package rehearse

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/nftables"

	"example.org/knockc/codes"
	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// A step with a one-time code is rehearsed with a random code, which goes into the set of the
// copy alone. So a rehearsal needs no key, and uses up no code of the host.

// newCode makes one that opens in the copy, once.
func (s *sets) newCode(knock string) (string, error) {
	code := make([]byte, codes.Size)
	rand.Read(code) // never fails
	set := &nftables.Set{
		Table: &nftables.Table{Name: s.of.Table, Family: nftables.TableFamilyINet},
		Name:  s.of.name(compiler.CodesSet(knock)), HasTimeout: true,
	}
	if err := s.conn.SetAddElements(set, []nftables.SetElement{{Key: code, Timeout: time.Minute}}); err != nil {
		return "", err
	}
	return string(code), s.conn.Flush()
}

// lookAtCodes notes where a program of the host takes the datagrams with codes. If it
// answers, later ones are no attempts any more.
func (r *rehearsal) lookAtCodes(used map[uint16]bool) {
	told := map[uint16]bool{}
	for _, k := range r.Policy.Knocks {
		i := k.CodeStep()
		if i < 0 || !used[k.Steps[i].Port] || told[k.Steps[i].Port] {
			continue
		}
		told[k.Steps[i].Port] = true
		r.InUse = append(r.InUse, fmt.Sprintf("%v of knock %s: a program on this host uses UDP port %d: choose a port that none uses", k.Steps[i], k.Name.Text, k.Steps[i].Port))
	}
}

// usedUDP are the ports at which programs of the thread's network namespace take datagrams.
func usedUDP() map[uint16]bool {
	used := map[uint16]bool{}
	for _, file := range []string{"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"} {
		f, err := os.Open(file)
		if err != nil {
			continue // no such family
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 2 && strings.HasSuffix(fields[2], ":0000") { // nobody in particular
				_, port, _ := strings.Cut(fields[1], ":")
				if n, err := strconv.ParseUint(port, 16, 16); err == nil {
					used[uint16(n)] = true
				}
			}
		}
		f.Close()
	}
	return used
}

// packet is the packet that does a step.
func (t *trial) packet(s lang.Step, from stranger) (p netns.Packet, err error) {
	p = packetOf(s, from.own[0])
	if s.Code {
		p.Payload, err = t.sets.newCode(t.knock.Name.Text)
	}
	return p, err
}
