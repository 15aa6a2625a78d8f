// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"net/netip"
	"slices"
)

// Client is the address from which every client on loopback comes, as far as
// rules are concerned, and the port that answers to it go to.
var Client = netip.MustParseAddrPort("10.0.0.10:49152")

// Interface is a network interface that another service keeps in a VPC, such as
// that of a DB instance. Only the owner knows what it is for.
type Interface struct {
	Account, Region, Owner string
	// Subnet that it is in, the groups that it is a member of, and those that
	// it is about to become one of, which are in use but not in force.
	Subnet          string
	Groups, Joining []string
}

func (i Interface) owner() owner { return owner{i.Account, i.Region} }

func (i Interface) is(account, region, name string) bool {
	return i.Account == account && i.Region == region && i.Owner == name
}

// Attach adds an owner's interface, or changes it.
func (s *Service) Attach(i Interface) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detach(i.Account, i.Region, i.Owner)
	i.Groups, i.Joining = slices.Clone(i.Groups), slices.Clone(i.Joining)
	s.interfaces = append(s.interfaces, i)
}

// Detach removes an owner's interface.
func (s *Service) Detach(account, region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detach(account, region, name)
}

func (s *Service) detach(account, region, name string) {
	s.interfaces = slices.DeleteFunc(s.interfaces, func(i Interface) bool { return i.is(account, region, name) })
}

// Admits tells whether traffic between Client and a TCP port of an owner's
// interface passes. Security groups are stateful: once a connection is
// established only the network ACL of the subnet, which knows no connections,
// can stop it.
// https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html
func (s *Service) Admits(account, region, name string, port int32, established bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.interfaces, func(i Interface) bool { return i.is(account, region, name) })
	if at < 0 {
		return false
	}
	i := s.interfaces[at]
	for _, n := range s.subnets {
		if n.owner == i.owner() && n.id == i.Subnet &&
			(!n.acl.allows(false, port) || !n.acl.allows(true, int32(Client.Port()))) {
			return false
		}
	}
	return established || slices.ContainsFunc(s.groups, func(g *group) bool {
		return g.owner == i.owner() && slices.Contains(i.Groups, g.id) &&
			slices.ContainsFunc(g.rules, func(r *rule) bool { return r.letsIn(port) })
	})
}

// GroupVPC is the VPC of a security group.
func (s *Service) GroupVPC(account, region, id string) (vpc string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := find(groupKind, s.groups, owner{account, region}, id)
	if err != nil {
		return "", err
	}
	return g.vpc.id, nil
}

// SubnetPlace is the VPC and the availability zone of a subnet.
func (s *Service) SubnetPlace(account, region, id string) (vpc, zone string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := find(subnetKind, s.subnets, owner{account, region}, id)
	if err != nil {
		return "", "", err
	}
	return n.vpc.id, n.zone, nil
}

// DefaultVPC is an account's default VPC in a region, with its subnets.
func (s *Service) DefaultVPC(account, region string) (vpc string, subnets []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	vpc = defaultVPC(account, region)
	for _, n := range s.subnets {
		if n.vpc.id == vpc {
			subnets = append(subnets, n.id)
		}
	}
	return vpc, subnets
}

// DefaultGroup is the security group that a VPC came with.
func DefaultGroup(vpc string) string { return ID("sg", vpc, "default") }
