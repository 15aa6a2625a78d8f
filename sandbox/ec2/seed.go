// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// VPC is a VPC to begin with. It comes with a security group "default" and a
// default network ACL, as every VPC does.
type VPC struct {
	Account, Region, ID, CIDR, Name string
	Subnets                         []Subnet
	isDefault                       bool
}

// Subnet of a VPC to begin with; Zone is the letter after the region.
type Subnet struct{ ID, CIDR, Zone string }

// Group is a security group to begin with. Like every new group it lets
// everything out.
type Group struct {
	Account, Region, ID, VPC, Name, Description string
	Ingress                                     []Ingress
}

// Ingress lets TCP connections to a port in.
type Ingress struct {
	Port int32
	CIDR string
}

// SeedVPC adds a VPC.
func (s *Service) SeedVPC(in VPC) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := owner{in.Account, in.Region}
	if _, err := find(vpcKind, s.vpcs, o, in.ID); err == nil {
		return fmt.Errorf("there is a VPC %s already", in.ID)
	}
	if _, err := netip.ParsePrefix(in.CIDR); err != nil {
		return fmt.Errorf("the VPC %s: %w", in.ID, err)
	}
	v := &vpc{owner: o, id: in.ID, cidr: in.CIDR, isDefault: in.isDefault, tags: nameTag(in.Name)}
	a := newACL(v, ID("acl", in.ID))
	a.isDefault, a.used = true, s.subnetsOf(a)
	for _, egress := range []bool{false, true} {
		a.entries = append(a.entries, entry{number: 100, egress: egress, protocol: "-1", cidr: "0.0.0.0/0", allow: true})
	}
	s.vpcs, s.acls = append(s.vpcs, v), append(s.acls, a)
	for _, n := range in.Subnets {
		s.subnets = append(s.subnets, &subnet{
			owner: o, id: n.ID, cidr: n.CIDR, zone: in.Region + n.Zone, vpc: v, tags: nameTag(in.Name),
			acl: a, association: ID("aclassoc", n.ID),
		})
	}
	g := newGroup(v, ID("sg", in.ID, "default"), "default", "default VPC security group")
	g.rules = append(g.rules, &rule{group: g, id: newID("sgr"), protocol: "-1", from: -1, to: -1, referenced: g.id})
	s.groups = append(s.groups, g)
	return nil
}

// SeedGroup adds a security group.
func (s *Service) SeedGroup(in Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := find(vpcKind, s.vpcs, owner{in.Account, in.Region}, in.VPC)
	if err != nil {
		return err
	}
	if err := groupKind.check(in.ID); err != nil {
		return err
	}
	g := newGroup(v, in.ID, in.Name, in.Description)
	for _, r := range in.Ingress {
		g.rules = append(g.rules, &rule{group: g, id: ID("sgr", in.ID, fmt.Sprint(r)), protocol: "tcp", from: r.Port, to: r.Port, cidr: r.CIDR})
	}
	s.groups = append(s.groups, g)
	return nil
}

// seedDefault makes an account's default VPC in a region.
func (s *Service) seedDefault(account, region string) {
	id := defaultVPC(account, region)
	err := s.SeedVPC(VPC{
		Account: account, Region: region, ID: id, CIDR: "172.31.0.0/16", isDefault: true,
		Subnets: []Subnet{
			{ID: ID("subnet", id, "a"), CIDR: "172.31.0.0/20", Zone: "a"},
			{ID: ID("subnet", id, "b"), CIDR: "172.31.16.0/20", Zone: "b"},
		},
	})
	if err != nil {
		s.e.Log.Error("a default VPC was not made", "error", err)
	}
}

func defaultVPC(account, region string) string { return ID("vpc", account, region, "default") }

func nameTag(name string) []types.Tag {
	if name == "" {
		return []types.Tag{}
	}
	return []types.Tag{{Key: aws.String("Name"), Value: aws.String(name)}}
}
