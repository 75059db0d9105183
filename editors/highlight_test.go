package editors_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// highlight is what stands at a line and column, its group, and the standard
// group which that is linked to. White space has no group.
type highlight struct {
	line, col   int
	text        string
	group, link string
}

const samplePolicy = `# Hidden services. # knockc:ignore
table open
priority -10 default drop refuse reject
size 65536 open 22 udp/53 8000-8010
trust 10.0.0.0/8 2001:db8::/32 eth0 eth* "br-lan" on-1
defaults < within 5s grant 30s >
knock within<1000 ping->22>
knock vpn <
	udp/7000 ping/56 70000 9000 -> udp/51820 tcp/8000-8010
	within 1m30s total none # < a comment
	grant forever once
	reset known revoke reset any
	close 5 6 7
	from 198.51.100.0/24 fe80::1
	on wg-home1
	per /24 /64
	log "a # b" log none, none
>
default accept
knock open < 1 -> 2 # knockc:ignore K103 why
knock drop < 1 -> 2 >
hook prerouting hook input hook other
open 22 from 10.0.0.0/8 on eth0 "lan" on from-1
knock at < 1 -> 2 at 10.0.0.5 2001:db8::5 >
table on
`

var policyHighlights = []highlight{
	{1, 1, "# Hidden", "knockComment", "Comment"},
	{1, 20, "# knockc", "knockComment", "Comment"},
	{2, 1, "table", "knockSetting", "Keyword"},
	{2, 7, "open", "knockTable", "Identifier"},
	{3, 1, "priority", "knockSetting", "Keyword"},
	{3, 10, "-10", "knockInteger", "Number"},
	{3, 14, "default", "knockSetting", "Keyword"},
	{3, 22, "drop", "knockDefault", "Constant"},
	{3, 27, "refuse", "knockSetting", "Keyword"},
	{3, 34, "reject", "knockRefuse", "Constant"},
	{4, 1, "size", "knockSetting", "Keyword"},
	{4, 6, "65536", "knockInteger", "Number"},
	{4, 12, "open", "knockSetting", "Keyword"},
	{4, 17, "22", "knockNumber", "Number"},
	{4, 20, "udp", "knockProtocol", "Type"},
	{4, 23, "/", "knockOperator", "Operator"},
	{4, 24, "53", "knockNumber", "Number"},
	{4, 31, "-", "knockRange", "Number"},
	{5, 1, "trust", "knockSetting", "Keyword"},
	{5, 7, "10.0.0.0/8", "knockPrefix", "Constant"},
	{5, 16, "8", "knockPrefix", "Constant"},
	{5, 18, "2001:db8::/32", "knockPrefix", "Constant"},
	{5, 32, "eth0", "knockInterface", "Identifier"},
	{5, 40, "*", "knockInterface", "Identifier"},
	{5, 42, `"br-lan"`, "knockString", "String"},
	{5, 51, "on-1", "knockInterface", "Identifier"},
	{6, 1, "defaults", "knockSetting", "Keyword"},
	{6, 10, "<", "knockOperator", "Operator"},
	{6, 12, "within", "knockClause", "Statement"},
	{6, 19, "5s", "knockDuration", "Number"},
	{6, 32, ">", "knockOperator", "Operator"},
	{7, 1, "knock", "knockKeyword", "Keyword"},
	{7, 7, "within", "knockName", "Function"},
	{7, 13, "<", "knockOperator", "Operator"},
	{7, 14, "1000", "knockNumber", "Number"},
	{7, 19, "ping", "knockProtocol", "Type"},
	{7, 23, "->", "knockOperator", "Operator"},
	{7, 25, "22", "knockNumber", "Number"},
	{7, 27, ">", "knockOperator", "Operator"},
	{8, 7, "vpn", "knockName", "Function"},
	{9, 2, "udp", "knockProtocol", "Type"},
	{9, 11, "ping", "knockProtocol", "Type"},
	{9, 16, "56", "knockNumber", "Number"},
	{9, 19, "70000", "knockError", "Error"},
	{9, 30, "->", "knockOperator", "Operator"},
	{9, 37, "51820", "knockNumber", "Number"},
	{9, 52, "8010", "knockRange", "Number"},
	{10, 9, "1m30s", "knockDuration", "Number"},
	{10, 15, "total", "knockClause", "Statement"},
	{10, 21, "none", "knockNone", "Constant"},
	{10, 28, "<", "knockComment", "Comment"},
	{11, 2, "grant", "knockClause", "Statement"},
	{11, 8, "forever", "knockForever", "Constant"},
	{11, 16, "once", "knockClause", "Statement"},
	{12, 2, "reset", "knockClause", "Statement"},
	{12, 8, "known", "knockReset", "Constant"},
	{12, 14, "revoke", "knockRevoke", "Constant"},
	{12, 27, "any", "knockReset", "Constant"},
	{13, 2, "close", "knockClause", "Statement"},
	{14, 2, "from", "knockClause", "Statement"},
	{14, 7, "198.51.100.0/24", "knockPrefix", "Constant"},
	{14, 23, "fe80::1", "knockPrefix", "Constant"},
	{15, 2, "on", "knockClause", "Statement"},
	{15, 5, "wg-home1", "knockInterface", "Identifier"},
	{16, 2, "per", "knockClause", "Statement"},
	{16, 6, "/", "knockOperator", "Operator"},
	{16, 11, "64", "knockNumber", "Number"},
	{17, 2, "log", "knockClause", "Statement"},
	{17, 9, "# b", "knockString", "String"},
	{17, 18, "none", "knockNone", "Constant"},
	{17, 22, ",", "knockError", "Error"},
	{17, 24, "none", "knockBody", ""},
	{18, 1, ">", "knockOperator", "Operator"},
	{19, 1, "default", "knockSetting", "Keyword"},
	{19, 9, "accept", "knockDefault", "Constant"},
	{20, 7, "open", "knockName", "Function"},
	{20, 21, "# knockc:ignore", "knockIgnore", "SpecialComment"},
	{20, 37, "K103 why", "knockComment", "Comment"},
	{21, 1, "knock", "knockKeyword", "Keyword"},
	{21, 7, "drop", "knockName", "Function"},
	{22, 1, "hook", "knockSetting", "Keyword"},
	{22, 6, "prerouting", "knockHook", "Constant"},
	{22, 22, "input", "knockHook", "Constant"},
	{22, 28, "hook", "knockSetting", "Keyword"},
	{23, 9, "from", "knockClause", "Statement"},
	{23, 14, "10.0.0.0/8", "knockPrefix", "Constant"},
	{23, 25, "on", "knockClause", "Statement"},
	{23, 28, "eth0", "knockInterface", "Identifier"},
	{23, 33, `"lan"`, "knockString", "String"},
	{23, 42, "from-1", "knockInterface", "Identifier"},
	{24, 7, "at", "knockName", "Function"},
	{24, 19, "at", "knockClause", "Statement"},
	{24, 22, "10.0.0.5", "knockPrefix", "Constant"},
	{24, 31, "2001:db8::5", "knockPrefix", "Constant"},
	{25, 7, "on", "knockTable", "Identifier"},
}

const sampleTrace = `# ssh opens. # knockc
policy my ssh.knock # which
0s      192.0.2.7 -> 22  => drop
+500ms  192.0.2.7:50001->udp/2345=>accept
+1      [2001:db8::7]:50001 -> ping/56 on eth0 unanswered => reject # x
+20.5s  2001:db8::7 -> 22 syn ack fin rst psh urg null
60s     203.0.113.9 -> 1000-12000 every 100us reverse shuffle 7 on "lan"
+0s     expect expect open for 192.0.2.7
+0s     expect ssh-2 closed for 2001:db8::7
+1m2ns  expect ssh at 3 for 192.0.2.7
policy "a # b.knock" # which
+0s     192.0.2.7 -> 445 to 10.0.0.5 answered => pass
+0s     2001:db8::7 -> udp/53 to fe80::5:1 on to-1=>pass
`

var traceHighlights = []highlight{
	{1, 1, "# ssh", "knocktraceComment", "Comment"},
	{2, 1, "policy", "knocktracePolicy", "Keyword"},
	{2, 8, "my ssh.knock", "knocktraceFile", "String"},
	{2, 11, "ssh.knock", "knocktraceFile", "String"},
	{2, 21, "# which", "knocktraceComment", "Comment"},
	{3, 1, "0s", "knocktraceTime", "Number"},
	{3, 9, "192.0.2.7", "knocktraceSource", "Constant"},
	{3, 19, "->", "knocktraceOperator", "Operator"},
	{3, 22, "22", "knocktraceNumber", "Number"},
	{3, 26, "=>", "knocktraceArrow", "Operator"},
	{3, 29, "drop", "knocktraceVerdict", "Constant"},
	{4, 1, "+500ms", "knocktraceTime", "Number"},
	{4, 19, "50001", "knocktraceSource", "Constant"},
	{4, 24, "->", "knocktraceOperator", "Operator"},
	{4, 26, "udp", "knocktraceProtocol", "Type"},
	{4, 29, "/", "knocktraceOperator", "Operator"},
	{4, 30, "2345", "knocktraceNumber", "Number"},
	{4, 34, "=>", "knocktraceArrow", "Operator"},
	{4, 36, "accept", "knocktraceVerdict", "Constant"},
	{5, 1, "+1", "knocktraceTime", "Number"},
	{5, 9, "[2001", "knocktraceSource", "Constant"},
	{5, 23, "50001", "knocktraceSource", "Constant"},
	{5, 32, "ping", "knocktraceProtocol", "Type"},
	{5, 37, "56", "knocktraceNumber", "Number"},
	{5, 40, "on", "knocktraceAttribute", "Statement"},
	{5, 43, "eth0", "knocktraceInterface", "Identifier"},
	{5, 48, "unanswered", "knocktraceAttribute", "Statement"},
	{5, 62, "reject", "knocktraceVerdict", "Constant"},
	{5, 69, "# x", "knocktraceComment", "Comment"},
	{6, 1, "+20.5s", "knocktraceTime", "Number"},
	{6, 9, "2001:db8::7", "knocktraceSource", "Constant"},
	{6, 27, "syn", "knocktraceFlag", "Special"},
	{6, 31, "ack", "knocktraceFlag", "Special"},
	{6, 51, "null", "knocktraceFlag", "Special"},
	{7, 24, "1000-12000", "knocktraceRange", "Number"},
	{7, 35, "every", "knocktraceAttribute", "Statement"},
	{7, 41, "100us", "knocktraceDuration", "Number"},
	{7, 47, "reverse", "knocktraceAttribute", "Statement"},
	{7, 55, "shuffle", "knocktraceAttribute", "Statement"},
	{7, 63, "7", "knocktraceNumber", "Number"},
	{7, 68, `"lan"`, "knocktraceString", "String"},
	{8, 9, "expect", "knocktraceExpect", "Keyword"},
	{8, 16, "expect", "knocktraceName", "Function"},
	{8, 23, "open", "knocktraceState", "Constant"},
	{8, 28, "for", "knocktraceFor", "Statement"},
	{8, 32, "192.0.2.7", "knocktraceSource", "Constant"},
	{9, 20, "2", "knocktraceName", "Function"},
	{9, 22, "closed", "knocktraceState", "Constant"},
	{9, 33, "2001:db8::7", "knocktraceSource", "Constant"},
	{10, 1, "+1m2ns", "knocktraceTime", "Number"},
	{10, 20, "at", "knocktraceAt", "Statement"},
	{10, 23, "3", "knocktraceStep", "Number"},
	{10, 25, "for", "knocktraceFor", "Statement"},
	{11, 8, `"a # b.knock"`, "knocktraceFile", "String"},
	{11, 11, "# b.knock", "knocktraceFile", "String"},
	{11, 22, "# which", "knocktraceComment", "Comment"},
	{12, 26, "to", "knocktraceAttribute", "Statement"},
	{12, 29, "10.0.0.5", "knocktraceAddress", "Constant"},
	{12, 32, "0.0.5", "knocktraceAddress", "Constant"},
	{12, 38, "answered", "knocktraceAttribute", "Statement"},
	{12, 50, "pass", "knocktraceVerdict", "Constant"},
	{13, 34, "fe80::5:1", "knocktraceAddress", "Constant"},
	{13, 42, "1", "knocktraceAddress", "Constant"},
	{13, 44, "on", "knocktraceAttribute", "Statement"},
	{13, 47, "to-1", "knocktraceInterface", "Identifier"},
	{13, 53, "pass", "knocktraceVerdict", "Constant"},
}

// highlighted are the files that each editor shows.
var highlighted = []struct {
	file, text string
	want       []highlight
}{
	{"sample.knock", samplePolicy, policyHighlights},
	{"sample.trace", sampleTrace, traceHighlights},
}

func TestHighlighting(t *testing.T) {
	eachEditor(t, func(t *testing.T, s session) {
		for _, test := range highlighted {
			s.write(t, test.file, test.text)
			var got [][]string
			s.run(t, groupsScript(t, test.file, test.want), &got)
			lines := strings.Split(test.text, "\n")
			for i, want := range test.want {
				if !strings.HasPrefix(lines[want.line-1][want.col-1:], want.text) {
					t.Fatalf("%s:%d:%d: there is no %s", test.file, want.line, want.col, want.text)
				}
				link := want.link
				if link == "" {
					link = want.group
				}
				if got[i][0] != want.group || got[i][1] != link {
					t.Errorf("%s:%d:%d: %s is %s, want %s %s", test.file, want.line, want.col, want.text, got[i], want.group, link)
				}
			}
		}
	})
}

// groupsScript leaves in g:result the two groups at each of the places.
func groupsScript(t *testing.T, file string, at []highlight) string {
	t.Helper()
	var places [][2]int
	for _, h := range at {
		places = append(places, [2]int{h.line, h.col})
	}
	list, err := json.Marshal(places)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`
edit %s
let g:result = []
for [lnum, col] in %s
  let name = synIDattr(synID(lnum, col, 1), 'name')
  redir => link
  silent execute 'highlight' name
  redir END
  call add(g:result, [name, matchstr(link . ' links to ' . name, 'links to \zs\w\+')])
endfor
`, file, list)
}
