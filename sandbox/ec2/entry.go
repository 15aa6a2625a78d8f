// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// createEntry adds an entry under a number that is free.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
func (s *Service) createEntry(c *engine.Call, in *ec2.CreateNetworkAclEntryInput) (*ec2.CreateNetworkAclEntryOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, e, err := s.parseEntry(c, in)
	if err != nil {
		return nil, err
	}
	if a.at(e.number, e.egress) >= 0 {
		return nil, engine.Refuse("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", e.number)
	}
	a.put(e)
	return &ec2.CreateNetworkAclEntryOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclEntry.html
func (s *Service) replaceEntry(c *engine.Call, in *ec2.ReplaceNetworkAclEntryInput) (*ec2.ReplaceNetworkAclEntryOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, e, err := s.parseEntry(c, &ec2.CreateNetworkAclEntryInput{
		NetworkAclId: in.NetworkAclId, RuleNumber: in.RuleNumber, Egress: in.Egress, Protocol: in.Protocol, RuleAction: in.RuleAction,
		CidrBlock: in.CidrBlock, Ipv6CidrBlock: in.Ipv6CidrBlock, PortRange: in.PortRange, IcmpTypeCode: in.IcmpTypeCode,
	})
	if err != nil {
		return nil, err
	}
	if a.at(e.number, e.egress) < 0 {
		return nil, noEntry(a, e.number, e.egress)
	}
	a.put(e)
	return &ec2.ReplaceNetworkAclEntryOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAclEntry.html
func (s *Service) deleteEntry(c *engine.Call, in *ec2.DeleteNetworkAclEntryInput) (*ec2.DeleteNetworkAclEntryOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.aclFor(c, in.NetworkAclId, in.RuleNumber, in.Egress)
	if err != nil {
		return nil, err
	}
	at := a.at(*in.RuleNumber, *in.Egress)
	if at < 0 {
		return nil, noEntry(a, *in.RuleNumber, *in.Egress)
	}
	a.entries = append(a.entries[:at:at], a.entries[at+1:]...)
	return &ec2.DeleteNetworkAclEntryOutput{}, nil
}

func noEntry(a *acl, number int32, egress bool) error {
	direction := "ingress"
	if egress {
		direction = "egress"
	}
	return engine.Refuse("InvalidNetworkAclEntry.NotFound", "The %s network acl entry identified by %d in the network acl '%s' does not exist.", direction, number, a.id)
}

// aclFor finds the ACL whose entry an operation names.
func (s *Service) aclFor(c *engine.Call, id *string, number *int32, egress *bool) (*acl, error) {
	name, err := given(id, "networkAclId")
	if err != nil {
		return nil, err
	}
	switch {
	case number == nil:
		return nil, engine.Refuse("MissingParameter", "The request must contain the parameter ruleNumber")
	case egress == nil:
		return nil, engine.Refuse("MissingParameter", "The request must contain the parameter egress")
	case *number < 1 || *number > 32766:
		return nil, invalid("Value (%d) for parameter ruleNumber is invalid. Rule numbers are from 1 to 32766.", *number)
	}
	return find(aclKind, s.acls, ownerOf(c), name)
}

// numbers of the protocols that have names; an ACL shows numbers.
var numbers = map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}

func (s *Service) parseEntry(c *engine.Call, in *ec2.CreateNetworkAclEntryInput) (*acl, entry, error) {
	a, err := s.aclFor(c, in.NetworkAclId, in.RuleNumber, in.Egress)
	if err != nil {
		return nil, entry{}, err
	}
	protocol, err := protocolOf(aws.ToString(in.Protocol))
	if err != nil {
		return nil, entry{}, err
	}
	e := entry{
		number: *in.RuleNumber, egress: *in.Egress, protocol: protocol, cidr: aws.ToString(in.CidrBlock), cidr6: aws.ToString(in.Ipv6CidrBlock),
		allow: in.RuleAction == types.RuleActionAllow,
	}
	if n, ok := numbers[protocol]; ok {
		e.protocol = n
	}
	switch {
	case in.RuleAction != types.RuleActionAllow && in.RuleAction != types.RuleActionDeny:
		return nil, entry{}, invalid("Value (%s) for parameter ruleAction is invalid.", in.RuleAction)
	case (e.cidr == "") == (e.cidr6 == ""):
		return nil, entry{}, engine.Refuse("MissingParameter", "The request must contain one of the parameters cidrBlock and ipv6CidrBlock")
	}
	if err := checkCIDR(e.cidr+e.cidr6, e.cidr != ""); err != nil {
		return nil, entry{}, err
	}
	switch protocol {
	case "tcp", "udp":
		r := in.PortRange
		if r == nil || r.From == nil || r.To == nil {
			return nil, entry{}, engine.Refuse("MissingParameter", "The request must contain the parameter portRange for protocol %s", protocol)
		}
		if _, _, err := portsOf(protocol, r.From, r.To); err != nil {
			return nil, entry{}, err
		}
		e.ports = r
	case "icmp", "icmpv6":
		if in.IcmpTypeCode == nil {
			return nil, entry{}, engine.Refuse("MissingParameter", "The request must contain the parameter icmpTypeCode for protocol %s", protocol)
		}
		e.icmp = in.IcmpTypeCode
	}
	return a, e, nil
}
