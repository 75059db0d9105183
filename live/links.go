//go:build linux

package live

import (
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Devices are the names of the network devices of a kind, such as vrf, in the network
// namespace of the thread.
func Devices(kind string) ([]string, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	const header = unix.SizeofIfInfomsg
	replies, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request | netlink.Dump},
		Data:   make([]byte, header),
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range replies {
		if len(m.Data) < header {
			continue
		}
		if name, its := readLink(m.Data[header:]); its == kind {
			names = append(names, name)
		}
	}
	return names, nil
}

// readLink reads the name of a device, and its kind, if it has one.
func readLink(attributes []byte) (name, kind string) {
	d, err := netlink.NewAttributeDecoder(attributes)
	if err != nil {
		return "", ""
	}
	for d.Next() {
		switch d.Type() {
		case unix.IFLA_IFNAME:
			name = d.String()
		case unix.IFLA_LINKINFO:
			d.Nested(func(info *netlink.AttributeDecoder) error {
				for info.Next() {
					if info.Type() == unix.IFLA_INFO_KIND {
						kind = info.String()
					}
				}
				return nil
			})
		}
	}
	return name, kind
}
