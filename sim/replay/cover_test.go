package replay_test

import (
	"slices"
	"testing"

	"example.org/knockc/sim/replay"
)

// TestCover: which items a packet meets.
func TestCover(t *testing.T) {
	const policy = `
		default drop
		open 22 80 from 198.51.100.0/24
		open 80 udp/53 on lan0
		trust 10.0.0.0/8
		knock ssh < 1001 udp/1002 -> 22 on eth0 >
		knock nas < 1003 -> 445 at 192.168.0.0/24 from 192.0.2.0/24 >`
	const trust = "trust 10.0.0.0/8"
	for _, test := range []struct {
		trace string
		met   []string
	}{
		{"0s 198.51.100.9 -> 80", []string{"open 80 from 198.51.100.0/24"}},
		{"0s 198.51.100.9 -> 80 on lan0", []string{"open 80 from 198.51.100.0/24"}},
		{"0s 192.0.2.7 -> 80 on lan0", []string{`open 80 on "lan0"`}},
		{"0s 192.0.2.7 -> udp/53 on lan0", []string{`open udp/53 on "lan0"`}},
		{"0s 192.0.2.7 -> 80", []string{"default"}},
		{"0s 192.0.2.7 -> 80 to 192.168.0.5", nil},
		{"0s 198.51.100.9 -> 22", []string{"open 22 from 198.51.100.0/24"}},
		{"0s 192.0.2.7 -> 22", []string{"ssh: 22"}}, // refused
		{"0s 192.0.2.7 -> 22 to 192.168.0.5", nil},
		{"0s 192.0.2.7 -> 1001 on wg0", []string{"ssh: on"}},
		{"0s 192.0.2.7 -> 1001 ack on wg0", nil},
		{"0s 192.0.2.7 -> 1001 on wg0 to 192.168.0.5", nil},
		{"0s 198.51.100.9 -> 1003 to 192.168.0.5", []string{"nas: from"}},
		{"0s 198.51.100.9 -> 1003 to 192.168.1.5", nil},
		{"0s 192.0.2.7 -> 445", []string{"default"}},
		{"0s 192.0.2.7 -> 445 to 192.168.0.5", []string{"nas: 445"}},
		{"0s 192.0.2.7 -> 1003 to 192.168.0.5\n0s 192.0.2.7 -> 445 to 192.168.0.5", []string{"nas: step 1 (1003)", "nas: 445"}},
		{"0s 10.1.2.3 -> 445 to 192.168.0.5", []string{trust}},
		{"0s 10.1.2.3 -> 22 to 192.168.0.5", []string{trust}}, // a port of the host is one at whatever address
		{"0s 10.1.2.3 -> 445", []string{"default"}},
		{"0s 10.1.2.3 -> 1001", []string{"default"}},
		{"0s 192.0.2.7 -> 1001", []string{"ssh: step 1 (1001)"}},
		{"0s 192.0.2.7 -> ping", nil}, // accepted, not by the default
		{"0s 192.0.2.7 -> 1001 on \"lo\"", nil},
	} {
		result, events := compileBoth(t, []byte(policy), []byte(test.trace+"\n"))
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		cover := replay.NewCover(result.Policy)
		cover.Watch(player)
		outcomes(player, events)
		var met []string
		for _, i := range cover.Items {
			if i.Met {
				met = append(met, i.What)
			}
		}
		if !slices.Equal(met, test.met) {
			t.Errorf("%s: met %q, want %q", test.trace, met, test.met)
		}
	}
}

// TestCoverEntered: only an attempt that a grant lets in enters a service.
func TestCoverEntered(t *testing.T) {
	const knock = "0s 192.0.2.7 -> 1001\n"
	for text, want := range map[string]bool{
		knock + "1s 192.0.2.7 -> 22":                                                                true,
		knock + "1s 198.51.100.9 -> 1001\n1s 198.51.100.9 -> 22":                                    false, // open to it anyway
		knock + "+9s 192.0.2.7:5 -> 22 ack":                                                         false,
		"0s 192.0.2.7:5 -> 22 on lan0\n" + knock + "1s 192.0.2.7:5 -> 22":                           true,
		"0s 192.0.2.7:5 -> 22 on lan0\n0s 192.0.2.7:5 -> 22 ack\n" + knock + "1s 192.0.2.7:5 -> 22": true,
	} {
		result, events := compileBoth(t, []byte("open 22 from 198.51.100.0/24\ntrust lan0\nknock ssh < 1001 -> 22 >"), []byte(text+"\n"))
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		cover := replay.NewCover(result.Policy)
		cover.Watch(player)
		outcomes(player, events)
		i := slices.IndexFunc(cover.Items, func(i replay.Item) bool { return i.Did == "entered by a grant" })
		if cover.Items[i].Met != want {
			t.Errorf("%q: entered is %v", text, cover.Items[i].Met)
		}
	}
}
