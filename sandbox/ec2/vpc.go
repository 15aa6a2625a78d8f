// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

type vpc struct {
	owner
	id, cidr  string
	isDefault bool
	tags      []types.Tag
}

func (v *vpc) key() string         { return v.id }
func (v *vpc) tagged() []types.Tag { return v.tags }

func (v *vpc) attribute(filter string) []string {
	switch filter {
	case "vpc-id":
		return []string{v.id}
	case "cidr":
		return []string{v.cidr}
	case "is-default", "isDefault":
		return []string{strconv.FormatBool(v.isDefault)}
	case "owner-id":
		return []string{v.account}
	case "state":
		return []string{"available"}
	}
	return nil
}

type subnet struct {
	owner
	id, cidr, zone string
	vpc            *vpc
	tags           []types.Tag
	// acl is what filters the subnet's traffic; association is the id of that
	// relation, which changes with it.
	acl         *acl
	association string
}

func (n *subnet) key() string         { return n.id }
func (n *subnet) tagged() []types.Tag { return n.tags }

func (n *subnet) attribute(filter string) []string {
	switch filter {
	case "subnet-id":
		return []string{n.id}
	case "vpc-id":
		return []string{n.vpc.id}
	case "cidr-block":
		return []string{n.cidr}
	case "availability-zone", "availabilityZone":
		return []string{n.zone}
	case "default-for-az":
		return []string{strconv.FormatBool(n.vpc.isDefault)}
	case "owner-id":
		return []string{n.account}
	case "state":
		return []string{"available"}
	}
	return nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
func (s *Service) describeVPCs(c *engine.Call, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, token, err := choose(c, vpcKind, s.vpcs, query{in.VpcIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVpcsOutput{NextToken: token}
	for _, v := range found {
		out.Vpcs = append(out.Vpcs, types.Vpc{
			VpcId: aws.String(v.id), CidrBlock: aws.String(v.cidr), IsDefault: aws.Bool(v.isDefault), OwnerId: aws.String(v.account),
			State: types.VpcStateAvailable, InstanceTenancy: types.TenancyDefault, DhcpOptionsId: aws.String(ID("dopt", v.account, v.region)),
			Tags: v.tags,
			CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{
				AssociationId: aws.String(ID("vpc-cidr-assoc", v.id)), CidrBlock: aws.String(v.cidr),
				CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
			}},
		})
	}
	return out, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
func (s *Service) describeSubnets(c *engine.Call, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, token, err := choose(c, subnetKind, s.subnets, query{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSubnetsOutput{NextToken: token}
	for _, n := range found {
		out.Subnets = append(out.Subnets, types.Subnet{
			SubnetId: aws.String(n.id), VpcId: aws.String(n.vpc.id), CidrBlock: aws.String(n.cidr), OwnerId: aws.String(n.account),
			SubnetArn:        aws.String("arn:aws:ec2:" + n.region + ":" + n.account + ":subnet/" + n.id),
			AvailabilityZone: aws.String(n.zone), AvailableIpAddressCount: aws.Int32(250), State: types.SubnetStateAvailable,
			DefaultForAz: aws.Bool(n.vpc.isDefault), MapPublicIpOnLaunch: aws.Bool(n.vpc.isDefault), AssignIpv6AddressOnCreation: aws.Bool(false),
			Tags: n.tags, Ipv6CidrBlockAssociationSet: []types.SubnetIpv6CidrBlockAssociation{},
		})
	}
	return out, nil
}
