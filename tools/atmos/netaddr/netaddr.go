// SPDX-License-Identifier: MPL-2.0

// Package netaddr stands in for the retired inet.af/netaddr, whose place
// net/netip has taken. It holds the part that Atmos's template functions
// (net.ParseIP and its kin) use, and nothing else.
package netaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// IP is an IPv4 or IPv6 address; templates reach netip.Addr's methods through it.
type IP struct{ netip.Addr }

// IPPrefix is an address with the length of its network part.
type IPPrefix struct{ netip.Prefix }

// IPRange holds the addresses from one address to another, both included.
type IPRange struct{ from, to netip.Addr }

// ParseIP reads an address such as "192.0.2.1" or "2001:db8::1".
func ParseIP(s string) (IP, error) {
	addr, err := netip.ParseAddr(s)
	return IP{addr}, err
}

// ParseIPPrefix reads a prefix such as "192.0.2.0/24".
func ParseIPPrefix(s string) (IPPrefix, error) {
	prefix, err := netip.ParsePrefix(s)
	return IPPrefix{prefix}, err
}

// ParseIPRange reads a range such as "192.0.2.1-192.0.2.9".
func ParseIPRange(s string) (IPRange, error) {
	first, last, found := strings.Cut(s, "-")
	if !found {
		return IPRange{}, fmt.Errorf("no hyphen in range %q", s)
	}
	from, errFrom := netip.ParseAddr(first)
	to, errTo := netip.ParseAddr(last)
	if err := errors.Join(errFrom, errTo); err != nil {
		return IPRange{}, fmt.Errorf("range %q: %w", s, err)
	}
	r := IPRange{from, to}
	if !r.IsValid() {
		return IPRange{}, fmt.Errorf("range %q is not ascending within one address family", s)
	}
	return r, nil
}

// IP is the address that the prefix was written with.
func (p IPPrefix) IP() IP { return IP{p.Addr()} }

// Masked is p with the bits outside the network part cleared.
func (p IPPrefix) Masked() IPPrefix { return IPPrefix{p.Prefix.Masked()} }

// IPNet is p as the net package has it.
func (p IPPrefix) IPNet() *net.IPNet {
	return &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}
}

// From is the first address of the range.
func (r IPRange) From() IP { return IP{r.from} }

// To is the last address of the range.
func (r IPRange) To() IP { return IP{r.to} }

// IsValid reports whether both ends are of one family and in order.
func (r IPRange) IsValid() bool {
	return r.from.IsValid() && r.from.BitLen() == r.to.BitLen() && r.from.Zone() == r.to.Zone() && !r.to.Less(r.from)
}

// Contains reports whether the range holds ip.
func (r IPRange) Contains(ip IP) bool {
	return r.IsValid() && ip.BitLen() == r.from.BitLen() && !ip.Less(r.from) && !r.to.Less(ip.Addr)
}

// String gives the form that ParseIPRange reads.
func (r IPRange) String() string { return r.from.String() + "-" + r.to.String() }
