// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// acl is a network ACL. Traffic is decided by the first entry, by number, that
// fits it; what no entry fits is denied.
// https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
type acl struct {
	owner
	id        string
	vpc       *vpc
	isDefault bool
	entries   []entry
	tags      []types.Tag
	// used gives the subnets that the ACL is associated with.
	used func() []*subnet
}

type entry struct {
	number   int32
	egress   bool
	protocol string // a number, or -1
	cidr     string
	cidr6    string
	ports    *types.PortRange
	icmp     *types.IcmpTypeCode
	allow    bool
}

func newACL(v *vpc, id string) *acl {
	return &acl{owner: v.owner, id: id, vpc: v, tags: []types.Tag{}}
}

func (a *acl) key() string         { return a.id }
func (a *acl) tagged() []types.Tag { return a.tags }

func (a *acl) attribute(filter string) []string {
	var values []string
	switch filter {
	case "network-acl-id":
		return []string{a.id}
	case "vpc-id":
		return []string{a.vpc.id}
	case "default":
		return []string{strconv.FormatBool(a.isDefault)}
	case "owner-id":
		return []string{a.account}
	case "association.association-id":
		for _, n := range a.used() {
			values = append(values, n.association)
		}
	case "association.subnet-id":
		for _, n := range a.used() {
			values = append(values, n.id)
		}
	case "association.network-acl-id":
		if len(a.used()) > 0 {
			return []string{a.id}
		}
	}
	return values
}

// allows tells what the ACL does with Client's TCP packets to (or from) a port.
func (a *acl) allows(egress bool, port int32) bool {
	for _, e := range a.entries { // by number
		if e.egress != egress || e.cidr == "" || (e.protocol != "6" && e.protocol != "-1") || !holds(e.cidr) {
			continue
		}
		if e.ports == nil || within(aws.ToInt32(e.ports.From), aws.ToInt32(e.ports.To), port) {
			return e.allow
		}
	}
	return false
}

// at finds an entry.
func (a *acl) at(number int32, egress bool) int {
	return slices.IndexFunc(a.entries, func(e entry) bool { return e.number == number && e.egress == egress })
}

func (a *acl) put(e entry) {
	if at := a.at(e.number, e.egress); at >= 0 {
		a.entries[at] = e
		return
	}
	a.entries = append(a.entries, e)
	slices.SortFunc(a.entries, func(x, y entry) int { return cmp.Compare(x.number, y.number) })
}

// render shows an ACL with its last entries, which nobody can change.
func (a *acl) render() types.NetworkAcl {
	out := types.NetworkAcl{
		NetworkAclId: aws.String(a.id), VpcId: aws.String(a.vpc.id), IsDefault: aws.Bool(a.isDefault), OwnerId: aws.String(a.account),
		Tags: a.tags, Associations: []types.NetworkAclAssociation{}, Entries: []types.NetworkAclEntry{},
	}
	for _, n := range a.used() {
		out.Associations = append(out.Associations, types.NetworkAclAssociation{
			NetworkAclAssociationId: aws.String(n.association), NetworkAclId: aws.String(a.id), SubnetId: aws.String(n.id),
		})
	}
	for _, egress := range []bool{true, false} {
		last := entry{number: 32767, egress: egress, protocol: "-1", cidr: "0.0.0.0/0"}
		for _, e := range append(slices.Clone(a.entries), last) {
			if e.egress != egress {
				continue
			}
			action := types.RuleActionDeny
			if e.allow {
				action = types.RuleActionAllow
			}
			out.Entries = append(out.Entries, types.NetworkAclEntry{
				RuleNumber: aws.Int32(e.number), Egress: aws.Bool(e.egress), Protocol: aws.String(e.protocol), RuleAction: action,
				CidrBlock: filled(e.cidr), Ipv6CidrBlock: filled(e.cidr6), PortRange: e.ports, IcmpTypeCode: e.icmp,
			})
		}
	}
	return out
}

// subnetsOf gives the subnets of an ACL. Call what it returns with the lock.
func (s *Service) subnetsOf(a *acl) func() []*subnet {
	return func() []*subnet {
		var list []*subnet
		for _, n := range s.subnets {
			if n.acl == a {
				list = append(list, n)
			}
		}
		return list
	}
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html
func (s *Service) describeACLs(c *engine.Call, in *ec2.DescribeNetworkAclsInput) (*ec2.DescribeNetworkAclsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, token, err := choose(c, aclKind, s.acls, query{in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeNetworkAclsOutput{NextToken: token}
	for _, a := range found {
		out.NetworkAcls = append(out.NetworkAcls, a.render())
	}
	return out, nil
}

// createACL makes an ACL that denies everything until it has entries.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html
func (s *Service) createACL(c *engine.Call, in *ec2.CreateNetworkAclInput) (*ec2.CreateNetworkAclOutput, error) {
	id, err := given(in.VpcId, "vpcId")
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeNetworkAcl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := find(vpcKind, s.vpcs, ownerOf(c), id)
	if err != nil {
		return nil, err
	}
	a := newACL(v, newID("acl"))
	a.tags, a.used = tags, s.subnetsOf(a)
	s.acls = append(s.acls, a)
	out := a.render()
	return &ec2.CreateNetworkAclOutput{NetworkAcl: &out}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAcl.html
func (s *Service) deleteACL(c *engine.Call, in *ec2.DeleteNetworkAclInput) (*ec2.DeleteNetworkAclOutput, error) {
	id, err := given(in.NetworkAclId, "networkAclId")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := find(aclKind, s.acls, ownerOf(c), id)
	if err != nil {
		return nil, err
	}
	switch {
	case a.isDefault:
		return nil, invalid("cannot delete default network ACL %s", a.id)
	case len(a.used()) > 0:
		return nil, engine.Refuse("DependencyViolation", "The networkAcl '%s' has dependencies and cannot be deleted.", a.id)
	}
	s.acls = slices.DeleteFunc(s.acls, func(x *acl) bool { return x == a })
	return &ec2.DeleteNetworkAclOutput{}, nil
}

// replaceAssociation gives a subnet another ACL, whose entries count from then
// on, for connections that are open too.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclAssociation.html
func (s *Service) replaceAssociation(c *engine.Call, in *ec2.ReplaceNetworkAclAssociationInput) (*ec2.ReplaceNetworkAclAssociationOutput, error) {
	association, err := given(in.AssociationId, "associationId")
	if err != nil {
		return nil, err
	}
	id, err := given(in.NetworkAclId, "networkAclId")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := find(aclKind, s.acls, ownerOf(c), id)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.subnets, func(n *subnet) bool { return n.owner == ownerOf(c) && n.association == association })
	if at < 0 {
		return nil, engine.Refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", association)
	}
	n := s.subnets[at]
	if n.vpc != a.vpc {
		return nil, invalid("Network ACL %s and subnet %s belong to different networks.", a.id, n.id)
	}
	n.acl, n.association = a, newID("aclassoc")
	return &ec2.ReplaceNetworkAclAssociationOutput{NewAssociationId: aws.String(n.association)}, nil
}
