package lang

// Code names a kind of finding and never changes its meaning.
type Code string

// The codes of the findings about policies and traces.
const (
	CodeText      Code = "K001"
	CodeSyntax    Code = "K002"
	CodeUnclosed  Code = "K003"
	CodeUnknown   Code = "K004"
	CodeDuplicate Code = "K005"
	CodeName      Code = "K006"
	CodePort      Code = "K007"
	CodeDuration  Code = "K008"
	CodeStep      Code = "K009"
	CodeState     Code = "K011"
	CodeTime      Code = "K012"
	CodeAddress   Code = "K013"
	CodeIface     Code = "K014"
	CodeNumber    Code = "K015"
	CodeString    Code = "K016"
	CodeOpen      Code = "K017"
	CodePings     Code = "K018"
	CodeKept      Code = "K019"
	CodeOneTime   Code = "K020"

	CodeSingleStep   Code = "K101"
	CodeScan         Code = "K102"
	CodeScans        Code = "K103"
	CodeOpensOther   Code = "K104"
	CodeSameSequence Code = "K105"
	CodeEphemeral    Code = "K106"
	CodeScannedFirst Code = "K107"
	CodeWithin       Code = "K108"
	CodeGrant        Code = "K109"
	CodeOnceUDP      Code = "K110"
	CodePer          Code = "K111"
	CodeTotal        Code = "K112"
	CodeRefuse       Code = "K113"
	CodeIgnore       Code = "K114"
	CodeEmpty        Code = "K115"

	CodeOpenStep       Code = "K116"
	CodeOpenForNothing Code = "K117"
	CodeHookAt         Code = "K118"
	CodeOneFamily      Code = "K119"
	CodeNoCode         Code = "K120"
	CodeManyCodes      Code = "K121"
	CodeSecret         Code = "K122"
	CodeMaybePort      Code = "K123"
	CodeOwnClose       Code = "K124"
)

// CodeMeaning says what a code means.
type CodeMeaning struct {
	Code     Code
	Severity Severity
	Title    string
}

// Codes are all codes, in order. K0xx are errors; K1xx can be silenced.
var Codes = []CodeMeaning{
	{CodeText, Error, "text that is no token"},
	{CodeSyntax, Error, "something is missing or misplaced"},
	{CodeUnclosed, Error, "a body without its `>`"},
	{CodeUnknown, Error, "an unknown word"},
	{CodeDuplicate, Error, "given twice"},
	{CodeName, Error, "not a name"},
	{CodePort, Error, "not a port, a range, a step or a service"},
	{CodeDuration, Error, "not a duration, or out of range"},
	{CodeStep, Error, "a step that is also a service"},
	{CodeState, Error, "two knocks with the same state number"},
	{CodeTime, Error, "an impossible time"},
	{CodeAddress, Error, "not an address or a prefix"},
	{CodeIface, Error, "not an interface name"},
	{CodeNumber, Error, "a number out of range"},
	{CodeString, Error, "a text that cannot be logged"},
	{CodeOpen, Error, "a service both guarded and open"},
	{CodePings, Error, "only pings, and one length fits all"},
	{CodeKept, Error, "a reserved word"},
	{CodeOneTime, Error, "a one-time code that cannot work"},
	{CodeSingleStep, Warning, "a single step"},
	{CodeScan, Warning, "one port scan opens the door"},
	{CodeScans, Info, "several port scans open the door"},
	{CodeOpensOther, Warning, "one knock opens another's door"},
	{CodeSameSequence, Warning, "two knocks with the same sequence"},
	{CodeEphemeral, Warning, "a step in the ephemeral port range"},
	{CodeScannedFirst, Warning, "a step that scanners try first"},
	{CodeWithin, Warning, "a time between steps that is very short or long"},
	{CodeGrant, Warning, "a door that stays open long"},
	{CodeOnceUDP, Warning, "once with a UDP service"},
	{CodePer, Warning, "very many sources count as one"},
	{CodeTotal, Warning, "a total that has no effect, or not the expected one"},
	{CodeRefuse, Info, "refused ports look unlike closed ones"},
	{CodeIgnore, Warning, "an ignore that silences nothing"},
	{CodeEmpty, Warning, "a policy without a knock"},
	{CodeOpenStep, Warning, "a step that is open to everyone"},
	{CodeOpenForNothing, Warning, "an `open` for some that keeps nobody out"},
	{CodeHookAt, Warning, "services elsewhere with `hook input`"},
	{CodeOneFamily, Info, "services at addresses of only one family"},
	{CodeNoCode, Warning, "a key without a step that needs it"},
	{CodeManyCodes, Warning, "very many one-time codes"},
	{CodeSecret, Info, "the ports are the only secret"},
	{CodeMaybePort, Warning, "an address that seems to end in a port"},
	{CodeOwnClose, Warning, "a knock that closes its own door"},
}

// severity is the severity of a code.
func (c Code) severity() Severity {
	for _, m := range Codes {
		if m.Code == c {
			return m.Severity
		}
	}
	return Error
}
