package live

import (
	"io"
	"slices"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"knockc/compiler"
)

// noKernel remembers what is loaded into an empty kernel, and answers to those who read it.
// It checks nothing.
type noKernel struct {
	made []netlink.Message // tables, sets, elements, chains, rules and counters
}

// noHost is what reads a ruleset that is loaded, without a kernel.
func noHost(t rapid.TB, r *compiler.Ruleset) *kernel {
	t.Helper()
	k := &noKernel{}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithTestDial(k.answer))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load(conn); err != nil {
		t.Fatal(err)
	}
	return &kernel{conn: conn, raw: nltest.Dial(k.answer), dumper: k}
}

func (k *noKernel) answer(requests []netlink.Message) ([]netlink.Message, error) {
	if len(requests) == 1 && requests[0].Header.Flags&netlink.Dump == netlink.Dump {
		return k.list(requests[0])
	}
	for _, m := range requests {
		switch kind(m) {
		case unix.NFT_MSG_NEWTABLE, unix.NFT_MSG_NEWSET, unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_NEWCHAIN, unix.NFT_MSG_NEWRULE, unix.NFT_MSG_NEWOBJ:
			k.made = append(k.made, m)
		case unix.NFT_MSG_DELCHAIN:
			k.made = slices.DeleteFunc(k.made, func(old netlink.Message) bool {
				return kind(old) == unix.NFT_MSG_NEWCHAIN && textIn(old, unix.NFTA_CHAIN_NAME) == textIn(m, unix.NFTA_CHAIN_NAME)
			})
		}
	}
	if requests != nil {
		return nil, nil
	}
	return []netlink.Message{{Header: netlink.Header{Type: netlink.Error}, Data: make([]byte, 4)}}, nil // an acknowledgement
}

// list answers a request for all of a kind, of the chain or the set that it names.
func (k *noKernel) list(request netlink.Message) ([]netlink.Message, error) {
	of := map[int]struct {
		made  int
		owner uint16 // the attribute that names what all must be of; 0: none
	}{
		unix.NFT_MSG_GETTABLE:   {unix.NFT_MSG_NEWTABLE, 0},
		unix.NFT_MSG_GETCHAIN:   {unix.NFT_MSG_NEWCHAIN, 0},
		unix.NFT_MSG_GETRULE:    {unix.NFT_MSG_NEWRULE, unix.NFTA_RULE_CHAIN},
		unix.NFT_MSG_GETSET:     {unix.NFT_MSG_NEWSET, 0},
		unix.NFT_MSG_GETSETELEM: {unix.NFT_MSG_NEWSETELEM, unix.NFTA_SET_ELEM_LIST_SET},
		unix.NFT_MSG_GETOBJ:     {unix.NFT_MSG_NEWOBJ, 0},
	}[kind(request)]
	var all []netlink.Message
	for _, m := range k.made {
		if kind(m) == of.made && (of.owner == 0 || textIn(m, of.owner) == textIn(request, of.owner)) {
			m.Header.Sequence, m.Header.PID = request.Header.Sequence, request.Header.PID
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil, io.EOF
	}
	end := netlink.Message{Header: request.Header}
	return nltest.Multipart(append(all, end))
}

func (k *noKernel) dump(kind netlink.HeaderType, data []byte, each func(entry []byte)) (whole bool, err error) {
	all, err := k.list(netlink.Message{Header: netlink.Header{Type: kind}, Data: data})
	for _, m := range all[:max(len(all)-1, 0)] {
		each(m.Data)
	}
	if err == io.EOF {
		err = nil
	}
	return true, err
}

func kind(m netlink.Message) int {
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES {
		return -1 // the begin or the end of a transaction
	}
	return int(m.Header.Type & 0xff)
}

// textIn is an attribute that is a text.
func textIn(m netlink.Message, attribute uint16) string {
	d, err := netlink.NewAttributeDecoder(m.Data[4:])
	if err != nil {
		panic(err)
	}
	for d.Next() {
		if d.Type() == attribute {
			return d.String()
		}
	}
	return ""
}
