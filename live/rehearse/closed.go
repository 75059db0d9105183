//go:build linux

package rehearse

import (
	"slices"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// compareClosed compares the answer to a stranger's attempt with that of a closed port, once
// in each family, and gives advice if a scan could tell them apart.
func (t *trial) compareClosed(refused attempt) error {
	if t.compared[t.family] || t.service.Proto != lang.TCP || len(t.knock.At) > 0 || t.Checks[len(t.Checks)-1].Answer != Good {
		return nil
	}
	t.compared[t.family] = true
	one, why, err := t.find()
	if why != "" || err != nil {
		return err
	}
	a, err := t.send(one, packetOf(lang.Step{Proto: lang.TCP, Port: t.closedPort()}, one.own[0]))
	if err != nil || t.check(Stranger, true, a.events, "").Answer != Good {
		return err
	}
	switch answers := refused.Answer != netns.NoAnswer; {
	case a.Answer == netns.Reset && !answers && !t.Policy.Settings.RefuseReject:
		t.advise("closed ports answer here and guarded services do not, so a scan finds them: write `refuse reject`")
	case a.Answer == netns.NoAnswer && answers && t.Policy.Settings.RefuseReject:
		t.advise("closed ports do not answer here and guarded services do, so a scan finds them: write `refuse drop`")
	}
	return nil
}

func (r *rehearsal) advise(text string) {
	if !slices.Contains(r.Advice, text) {
		r.Advice = append(r.Advice, text)
	}
}

// closedPort is a port that the policy does not name.
func (t *trial) closedPort() uint16 {
	named := func(port uint16) bool {
		has := func(s lang.Service) bool { return s.Has(lang.TCP, port) }
		is := func(s lang.Step) bool { return s.Proto == lang.TCP && s.Port == port }
		return slices.ContainsFunc(t.Policy.Knocks, func(k *lang.Knock) bool {
			return slices.ContainsFunc(k.Services, has) || slices.ContainsFunc(k.AllSteps(), is)
		}) || slices.ContainsFunc(t.Policy.Settings.Open, func(o lang.Open) bool { return slices.ContainsFunc(o.Services, has) })
	}
	for port := uint16(40001); port > 1; port -= 2 {
		if !named(port) {
			return port
		}
	}
	return 1
}
