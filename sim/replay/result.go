package replay

import (
	"strconv"

	"example.org/knockc/compiler"
	"example.org/knockc/lang/trace"
)

// Result is the result of a packet or an expectation, or the wanted result. It is
// comparable. For a packet it has the verdict, for an expectation the state, or with
// `at N` the step. The zero Result says nothing.
type Result struct {
	Verdict trace.Verdict
	State   trace.State
	IsStep  bool
	Step    int
	Depends bool // on the tick; the other fields are zero
}

// Verdict is the result of a packet.
func Verdict(v trace.Verdict) Result { return Result{Verdict: v} }

// Ruled is the result of a packet about which the rules have decided so.
func Ruled(k compiler.VerdictKind) Result { return Verdict(verdicts[k]) }

// verdicts are the verdicts that [Player.Packet] returns, in the words of a trace.
var verdicts = [...]trace.Verdict{
	compiler.Accept: trace.Accept, compiler.Drop: trace.Drop, compiler.Rejected: trace.Reject, compiler.Passed: trace.Pass,
}

// State is the result of an expectation that a door is open or closed.
func State(s trace.State) Result { return Result{State: s} }

// Step is the result of an expectation that a source is at a step.
func Step(n int) Result { return Result{IsStep: true, Step: n} }

// Depends is the result if it depends on where in a tick of the kernel's clock the
// trace begins, or on when a set was collected.
var Depends = Result{Depends: true}

// DependsOnTick is [Depends] in words.
const DependsOnTick = "depends on the tick"

// String is the result in the words of a trace.
func (r Result) String() string {
	switch {
	case r.Depends:
		return DependsOnTick
	case r.IsStep:
		return strconv.Itoa(r.Step)
	case r.State != "":
		return string(r.State)
	}
	return string(r.Verdict)
}
