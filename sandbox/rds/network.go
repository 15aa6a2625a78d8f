// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// place is where an instance is to be: a subnet group and security groups of
// its VPC.
type place struct {
	subnets types.DBSubnetGroup
	groups  []string
}

// place finds the network that a caller asks for; without a subnet group the
// default VPC, without security groups the VPC's own.
func (s *Service) place(account, region string, subnetGroup *string, groups []string) (place, error) {
	name := strings.ToLower(aws.ToString(subnetGroup))
	if name == "" {
		name = defaultSubnetGroup
	}
	g, err := s.subnetGroup(account, region, name)
	if err != nil {
		return place{}, err
	}
	vpc := aws.ToString(g.VpcId)
	if err := s.checkSecurityGroups(account, region, vpc, groups); err != nil {
		return place{}, err
	}
	if len(groups) == 0 {
		groups = []string{ec2.DefaultGroup(vpc)}
	}
	return place{g, distinct(groups)}, nil
}

// checkSecurityGroups wants groups that exist, in the instance's VPC.
func (s *Service) checkSecurityGroups(account, region, vpc string, groups []string) error {
	for _, g := range groups {
		home, err := s.opts.EC2.GroupVPC(account, region, g)
		if err != nil {
			return invalid("Invalid security group , groupId= %s, groupName=.", g)
		}
		if home != vpc {
			return clash("The DB instance and EC2 security group are in different VPCs. The DB instance is in %s and the EC2 security group is in %s", vpc, home)
		}
	}
	return nil
}

// checkMove refuses to move an instance to another subnet group: within a VPC
// RDS refuses it too.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.VPC2VPC.html
func (s *Service) checkMove(i *instance, subnetGroup *string) error {
	if subnetGroup == nil || strings.EqualFold(*subnetGroup, aws.ToString(i.db.DBSubnetGroup.DBSubnetGroupName)) {
		return nil
	}
	g, err := s.subnetGroup(i.account, i.region, strings.ToLower(*subnetGroup))
	if err != nil {
		return err
	}
	if aws.ToString(g.VpcId) == aws.ToString(i.db.DBSubnetGroup.VpcId) {
		return engine.Refuse("InvalidVPCNetworkStateFault", "You cannot move DB instance %s to subnet group %s. The specified DB subnet group and DB instance are in the same VPC. Choose a DB subnet group in different VPC than the specified DB instance and try again.", i.id, *subnetGroup)
	}
	return invalid("Moving an instance to another VPC is not simulated by this sandbox.")
}

func distinct(groups []string) []string {
	var list []string
	for _, g := range groups {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

// useNetwork sets an instance's network.
func (i *instance) useNetwork(p place) {
	i.db.DBSubnetGroup = &p.subnets
	i.db.VpcSecurityGroups = nil
	for _, g := range p.groups {
		i.db.VpcSecurityGroups = append(i.db.VpcSecurityGroups, membership(g, "active"))
	}
}

func membership(group, status string) types.VpcSecurityGroupMembership {
	return types.VpcSecurityGroupMembership{VpcSecurityGroupId: aws.String(group), Status: aws.String(status)}
}

// attach makes EC2 know the instance, in the subnet of its availability zone and
// with the groups that are in force: those that are still being added are not.
// Call it with the lock.
func (s *Service) attach(i *instance) {
	subnets := i.db.DBSubnetGroup.Subnets
	in := ec2.Interface{Account: i.account, Region: i.region, Owner: i.interfaceOwner(), Subnet: aws.ToString(subnets[0].SubnetIdentifier)}
	for _, n := range subnets {
		if aws.ToString(n.SubnetAvailabilityZone.Name) == aws.ToString(i.db.AvailabilityZone) {
			in.Subnet = aws.ToString(n.SubnetIdentifier)
		}
	}
	for _, g := range i.db.VpcSecurityGroups {
		if id := aws.ToString(g.VpcSecurityGroupId); aws.ToString(g.Status) == "adding" {
			in.Joining = append(in.Joining, id)
		} else {
			in.Groups = append(in.Groups, id)
		}
	}
	s.opts.EC2.Attach(in)
}

func (s *Service) detach(i *instance) { s.opts.EC2.Detach(i.account, i.region, i.interfaceOwner()) }

// interfaceOwner stays the same through renames.
func (i *instance) interfaceOwner() string { return aws.ToString(i.db.DbiResourceId) }

// guard is what an instance's proxy asks about its clients.
func (s *Service) guard(i *instance) engine.Guard {
	account, region, owner, port := i.account, i.region, i.interfaceOwner(), i.port
	return func(established bool) bool { return s.opts.EC2.Admits(account, region, owner, port, established) }
}

// Admits tells whether the network of an instance would let a new client in.
func (s *Service) Admits(account, region, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.lookup(account, region, id)
	return err == nil && s.guard(i)(false)
}

// securityGroupSteps swaps an instance's security groups, without waiting for a
// maintenance window: what was asked for shows at once, and is in force when it
// is active. Call it with the lock.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html
func (s *Service) securityGroupSteps(i *instance, wanted []string) []step {
	wanted = distinct(wanted)
	var now []string
	for _, g := range i.db.VpcSecurityGroups {
		now = append(now, aws.ToString(g.VpcSecurityGroupId))
	}
	if len(wanted) == 0 || (len(wanted) == len(now) && !slices.ContainsFunc(wanted, func(g string) bool { return !slices.Contains(now, g) })) {
		return nil
	}
	i.db.VpcSecurityGroups = nil // an answer that was given may share the old list
	for _, g := range wanted {
		status := "adding"
		if slices.Contains(now, g) {
			status = "active"
		}
		i.db.VpcSecurityGroups = append(i.db.VpcSecurityGroups, membership(g, status))
	}
	for _, g := range now {
		if !slices.Contains(wanted, g) {
			i.db.VpcSecurityGroups = append(i.db.VpcSecurityGroups, membership(g, "removing"))
		}
	}
	s.attach(i)
	return []step{
		{after: settleTime, then: func() { i.status = "modifying" }},
		{after: groupsTime, then: func() {
			i.db.VpcSecurityGroups = nil
			for _, g := range wanted {
				i.db.VpcSecurityGroups = append(i.db.VpcSecurityGroups, membership(g, "active"))
			}
			s.attach(i)
			i.status = "available"
			s.note(i, "Applied change to security groups", "configuration change")
		}},
	}
}
