// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// maxRules of a group, each way.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const maxRules = 60

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
func (s *Service) describeRules(c *engine.Call, in *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*rule
	for _, g := range s.groups {
		all = append(all, g.rules...)
	}
	found, token, err := choose(c, ruleKind, all, query{in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeSecurityGroupRulesOutput{NextToken: token, SecurityGroupRules: rendered(found)}, nil
}

func rendered(rules []*rule) []types.SecurityGroupRule {
	list := []types.SecurityGroupRule{}
	for _, r := range rules {
		out := types.SecurityGroupRule{
			SecurityGroupRuleId: aws.String(r.id), GroupId: aws.String(r.group.id), GroupOwnerId: aws.String(r.group.account),
			IsEgress: aws.Bool(r.egress), IpProtocol: aws.String(r.protocol), FromPort: aws.Int32(r.from), ToPort: aws.Int32(r.to),
			CidrIpv4: filled(r.cidr), CidrIpv6: filled(r.cidr6), Description: filled(r.description), Tags: r.tags,
			SecurityGroupRuleArn: aws.String("arn:aws:ec2:" + r.group.region + ":" + r.group.account + ":security-group-rule/" + r.id),
		}
		if r.referenced != "" {
			out.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(r.referenced), UserId: aws.String(r.group.account)}
		}
		list = append(list, out)
	}
	return list
}

// change is what authorizing and revoking have in common.
type change struct {
	group, name *string
	permissions []types.IpPermission
	// single is the permission that is spread over the input's own fields.
	single types.IpPermission
	ids    []string
	tags   []types.TagSpecification
	egress bool
}

// rules reads the permissions of a change. Call it with the lock.
func (s *Service) rules(c *engine.Call, in change) (*group, []*rule, error) {
	g, err := s.groupOf(c, in.group, in.name)
	if err != nil {
		return nil, nil, err
	}
	all := in.permissions
	if in.single.IpProtocol != nil || len(in.single.UserIdGroupPairs) > 0 {
		if len(all) > 0 {
			return nil, nil, engine.Refuse("InvalidParameterCombination", "The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'")
		}
		all = []types.IpPermission{in.single}
	}
	if len(all) == 0 && len(in.ids) == 0 {
		return nil, nil, engine.Refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
	}
	var rules []*rule
	for _, p := range all {
		more, err := s.parse(g, in.egress, p)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, more...)
	}
	return g, rules, nil
}

// authorize adds rules: all of them, or none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
func (s *Service) authorize(c *engine.Call, in change) ([]types.SecurityGroupRule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, err := tagsFor(in.tags, types.ResourceTypeSecurityGroupRule)
	if err != nil {
		return nil, err
	}
	g, rules, err := s.rules(c, in)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(g.rules)
	for _, r := range rules {
		if slices.ContainsFunc(all, r.same) {
			return nil, engine.Refuse("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r.peer())
		}
		r.id, r.tags = newID("sgr"), tags
		all = append(all, r)
	}
	count := 0
	for _, r := range all {
		if r.egress == in.egress {
			count++
		}
	}
	if count > maxRules {
		return nil, engine.Refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	g.rules = all
	return rendered(rules), nil
}

// revoke removes rules by id or by what they say: all of them, or none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
func (s *Service) revoke(c *engine.Call, in change) ([]types.RevokedSecurityGroupRule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, rules, err := s.rules(c, in)
	if err != nil {
		return nil, err
	}
	var gone []*rule
	for _, id := range in.ids {
		if err := ruleKind.check(id); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(g.rules, func(r *rule) bool { return r.id == id && r.egress == in.egress })
		if at < 0 {
			return nil, ruleKind.notFound(id)
		}
		gone = append(gone, g.rules[at])
	}
	for _, r := range rules {
		at := slices.IndexFunc(g.rules, r.same)
		if at < 0 {
			return nil, engine.Refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		gone = append(gone, g.rules[at])
	}
	g.rules = slices.DeleteFunc(slices.Clone(g.rules), func(r *rule) bool { return slices.Contains(gone, r) })
	list := []types.RevokedSecurityGroupRule{}
	for _, r := range gone {
		list = append(list, types.RevokedSecurityGroupRule{
			SecurityGroupRuleId: aws.String(r.id), GroupId: aws.String(g.id), IsEgress: aws.Bool(r.egress),
			IpProtocol: aws.String(r.protocol), FromPort: aws.Int32(r.from), ToPort: aws.Int32(r.to),
			CidrIpv4: filled(r.cidr), CidrIpv6: filled(r.cidr6), ReferencedGroupId: filled(r.referenced), Description: filled(r.description),
		})
	}
	return list, nil
}

// single makes a permission of the fields that older clients fill.
func single(protocol, cidr, group *string, from, to *int32) types.IpPermission {
	p := types.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to}
	if cidr != nil {
		p.IpRanges = []types.IpRange{{CidrIp: cidr}}
	}
	if group != nil {
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupName: group}}
	}
	return p
}

func (s *Service) authorizeIngress(c *engine.Call, in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := s.authorize(c, change{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, tags: in.TagSpecifications,
		single: single(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort),
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true), SecurityGroupRules: rules}, nil
}

func (s *Service) authorizeEgress(c *engine.Call, in *ec2.AuthorizeSecurityGroupEgressInput) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := s.authorize(c, change{
		group: in.GroupId, permissions: in.IpPermissions, tags: in.TagSpecifications, egress: true,
		single: single(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort),
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupEgressOutput{Return: aws.Bool(true), SecurityGroupRules: rules}, nil
}

func (s *Service) revokeIngress(c *engine.Call, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	rules, err := s.revoke(c, change{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, ids: in.SecurityGroupRuleIds,
		single: single(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort),
	})
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: rules}, nil
}

func (s *Service) revokeEgress(c *engine.Call, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	rules, err := s.revoke(c, change{
		group: in.GroupId, permissions: in.IpPermissions, ids: in.SecurityGroupRuleIds, egress: true,
		single: single(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort),
	})
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: rules}, nil
}
