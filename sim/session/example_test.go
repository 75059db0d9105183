package session_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"example.org/knockc/report"
	"example.org/knockc/sim/session"
)

// Run replays the traces that are named, here files in memory, and tells a reporter what
// comes of them.
func ExampleRun() {
	files := map[string]string{
		"ssh.knock": "knock ssh < 7001 9002 -> 22 >",
		"ssh.trace": `policy ssh.knock
0s   192.0.2.7 -> 7001
+1s  192.0.2.7 -> 9002
+1s  192.0.2.7 -> 22    => accept
+1s  192.0.2.8 -> 22    => drop
`}
	open := func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files[name])), nil }
	summary, err := session.Run([]string{"ssh.trace"}, session.Options{Open: open}, &report.Table{Out: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("as expected:", summary.OK())
	// Output:
	// 0s  192.0.2.7 -> 7001  pass    ssh 1/2 until 5s
	// 1s  192.0.2.7 -> 9002  pass    ssh open until 11s
	// 2s  192.0.2.7 -> 22    accept
	// 3s  192.0.2.8 -> 22    drop
	//
	// 4 packets: 1 accepted, 2 passed, 1 dropped; 2 expectations: 2 held, 0 failed
	// as expected: true
}
