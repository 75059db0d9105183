package sim_test

import (
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// A machine is a host with the rules of a policy. It says what becomes of each packet.
func ExampleMachine() {
	policy, _ := lang.Examine([]byte("knock ssh < 7001 9002 8003 -> 22 within 5s grant 10s >"))
	result, _ := compiler.Compile(policy)
	machine, err := sim.New(result.Ruleset)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, port := range []uint16{22, 7001, 9002, 8003, 22} {
		verdict, _ := machine.Packet(&sim.Packet{
			Time: time.Duration(i) * time.Second,
			Src:  netip.MustParseAddr("192.0.2.7"), SrcPort: 50000 + uint16(i),
			Proto: lang.TCP, DstPort: port, Flags: lang.SYN,
		})
		fmt.Println(port, verdict)
	}
	// Output:
	// 22 drop
	// 7001 pass
	// 9002 pass
	// 8003 pass
	// 22 accept
}
