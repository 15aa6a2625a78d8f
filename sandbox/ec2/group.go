// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

type group struct {
	owner
	id, name, description string
	vpc                   *vpc
	rules                 []*rule
	tags                  []types.Tag
}

// newGroup makes a group that lets everything out and nothing in.
func newGroup(v *vpc, id, name, description string) *group {
	g := &group{owner: v.owner, id: id, name: name, description: description, vpc: v, tags: []types.Tag{}}
	g.rules = []*rule{{group: g, id: newID("sgr"), egress: true, protocol: "-1", from: -1, to: -1, cidr: "0.0.0.0/0"}}
	return g
}

func (g *group) key() string         { return g.id }
func (g *group) tagged() []types.Tag { return g.tags }
func (g *group) arn() string {
	return "arn:aws:ec2:" + g.region + ":" + g.account + ":security-group/" + g.id
}

func (g *group) attribute(filter string) []string {
	switch filter {
	case "group-id":
		return []string{g.id}
	case "group-name":
		return []string{g.name}
	case "vpc-id":
		return []string{g.vpc.id}
	case "description":
		return []string{g.description}
	case "owner-id":
		return []string{g.account}
	}
	var values []string
	for _, r := range g.rules {
		if r.egress {
			continue
		}
		switch filter {
		case "ip-permission.cidr":
			values = append(values, r.cidr)
		case "ip-permission.group-id":
			values = append(values, r.referenced)
		case "ip-permission.from-port":
			values = append(values, strconv.Itoa(int(r.from)))
		case "ip-permission.to-port":
			values = append(values, strconv.Itoa(int(r.to)))
		case "ip-permission.protocol":
			values = append(values, r.protocol)
		}
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
func (s *Service) describeGroups(c *engine.Call, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Clone(in.GroupIds)
	for _, name := range in.GroupNames {
		g, err := s.groupNamed(c, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, g.id)
	}
	found, token, err := choose(c, groupKind, s.groups, query{ids, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSecurityGroupsOutput{NextToken: token}
	for _, g := range found {
		out.SecurityGroups = append(out.SecurityGroups, types.SecurityGroup{
			GroupId: aws.String(g.id), GroupName: aws.String(g.name), Description: aws.String(g.description),
			OwnerId: aws.String(g.account), VpcId: aws.String(g.vpc.id), SecurityGroupArn: aws.String(g.arn()), Tags: g.tags,
			IpPermissions: permissions(g, false), IpPermissionsEgress: permissions(g, true),
		})
	}
	return out, nil
}

// groupNamed finds a group of the default VPC: only there do names do.
func (s *Service) groupNamed(c *engine.Call, name string) (*group, error) {
	for _, g := range s.groups {
		if g.owner == ownerOf(c) && g.vpc.isDefault && g.name == name {
			return g, nil
		}
	}
	return nil, engine.Refuse("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, defaultVPC(c.Account, c.Region))
}

// groupOf finds the group that an operation names by id or by name.
func (s *Service) groupOf(c *engine.Call, id, name *string) (*group, error) {
	switch {
	case id != nil:
		return find(groupKind, s.groups, ownerOf(c), *id)
	case name != nil:
		return s.groupNamed(c, *name)
	}
	return nil, engine.Refuse("MissingParameter", "The request must contain the parameter GroupName or GroupId")
}

var groupNamePattern = regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}$`)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
func (s *Service) createGroup(c *engine.Call, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	name, err := given(in.GroupName, "GroupName")
	if err != nil {
		return nil, err
	}
	description, err := given(in.Description, "GroupDescription")
	if err != nil {
		return nil, err
	}
	switch {
	case name == "default":
		return nil, invalid("Cannot use reserved security group name: %s", name)
	case strings.HasPrefix(name, "sg-"):
		return nil, invalid("invalid value for parameter GroupName: %s. Group names may not be in the format sg-*.", name)
	case !groupNamePattern.MatchString(name):
		return nil, invalid("Value (%s) for parameter GroupName is invalid.", name)
	case !groupNamePattern.MatchString(description):
		return nil, invalid("Value (%s) for parameter GroupDescription is invalid. Invalid security group description.", description)
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeSecurityGroup)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := aws.ToString(in.VpcId)
	if id == "" {
		id = defaultVPC(c.Account, c.Region)
	}
	v, err := find(vpcKind, s.vpcs, ownerOf(c), id)
	if err != nil {
		return nil, err
	}
	for _, g := range s.groups {
		if g.vpc == v && g.name == name {
			return nil, engine.Refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, v.id)
		}
	}
	g := newGroup(v, newID("sg"), name, description)
	g.tags = tags
	s.groups = append(s.groups, g)
	return &ec2.CreateSecurityGroupOutput{GroupId: aws.String(g.id), SecurityGroupArn: aws.String(g.arn()), Tags: tags}, nil
}

// deleteGroup refuses a group that something needs: a network interface, or
// another group's rule.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
func (s *Service) deleteGroup(c *engine.Call, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupOf(c, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if g.name == "default" {
		return nil, engine.Refuse("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, g.id, g.name)
	}
	used := slices.ContainsFunc(s.interfaces, func(i Interface) bool {
		return i.owner() == g.owner && (slices.Contains(i.Groups, g.id) || slices.Contains(i.Joining, g.id))
	})
	used = used || slices.ContainsFunc(s.groups, func(other *group) bool {
		return other != g && other.owner == g.owner && slices.ContainsFunc(other.rules, func(r *rule) bool { return r.referenced == g.id })
	})
	if used {
		return nil, engine.Refuse("DependencyViolation", "resource %s has a dependent object", g.id)
	}
	s.groups = slices.DeleteFunc(s.groups, func(other *group) bool { return other == g })
	return &ec2.DeleteSecurityGroupOutput{GroupId: aws.String(g.id), Return: aws.Bool(true)}, nil
}
