// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// groups are the subnet groups and parameter groups that were made. What every
// account has from the beginning is not among them.
type groups struct {
	sync.Mutex
	subnets    []subnetGroup
	parameters []parameterGroup
}

type subnetGroup struct {
	account, region string
	types.DBSubnetGroup
}

type parameterGroup struct {
	account, region string
	types.DBParameterGroup
}

// defaultSubnetGroup is that of the default VPC.
const defaultSubnetGroup = "default"

// subnetGroup finds a subnet group.
func (s *Service) subnetGroup(account, region, name string) (types.DBSubnetGroup, error) {
	if name == defaultSubnetGroup {
		_, subnets := s.opts.EC2.DefaultVPC(account, region)
		if len(subnets) == 0 {
			return types.DBSubnetGroup{}, engine.Refuse("InvalidSubnet", "No default subnet was detected in %s.", region)
		}
		return s.newSubnetGroup(account, region, name, name, subnets)
	}
	s.groups.Lock()
	defer s.groups.Unlock()
	for _, g := range s.groups.subnets {
		if g.account == account && g.region == region && strings.EqualFold(aws.ToString(g.DBSubnetGroupName), name) {
			return g.DBSubnetGroup, nil
		}
	}
	return types.DBSubnetGroup{}, engine.NotFound("DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist.", name)
}

// newSubnetGroup makes a subnet group of subnets that are all of one VPC, in two
// availability zones at least.
func (s *Service) newSubnetGroup(account, region, name, description string, subnets []string) (types.DBSubnetGroup, error) {
	g := types.DBSubnetGroup{
		DBSubnetGroupName: aws.String(name), DBSubnetGroupDescription: aws.String(description), SubnetGroupStatus: aws.String("Complete"),
		DBSubnetGroupArn: aws.String("arn:aws:rds:" + region + ":" + account + ":subgrp:" + name), SupportedNetworkTypes: []string{"IPV4"},
	}
	var zones []string
	for _, id := range distinct(subnets) {
		vpc, zone, err := s.opts.EC2.SubnetPlace(account, region, id)
		if err != nil {
			return g, engine.Refuse("InvalidSubnet", "Subnet IDs are required: the subnet '%s' is invalid.", id)
		}
		if g.VpcId != nil && *g.VpcId != vpc {
			return g, engine.Refuse("InvalidSubnet", "Subnets are from different VPCs: %s and %s.", *g.VpcId, vpc)
		}
		g.VpcId = aws.String(vpc)
		zones = append(zones, zone)
		g.Subnets = append(g.Subnets, types.Subnet{
			SubnetIdentifier: aws.String(id), SubnetAvailabilityZone: &types.AvailabilityZone{Name: aws.String(zone)},
			SubnetOutpost: &types.Outpost{}, SubnetStatus: aws.String("Active"),
		})
	}
	if len(distinct(zones)) < 2 {
		return g, engine.Refuse("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: %s. Add subnets to cover at least 2 AZs.", strings.Join(distinct(zones), ", "))
	}
	return g, nil
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
func (s *Service) createSubnetGroup(c *engine.Call, in *rds.CreateDBSubnetGroupInput) (*rds.CreateDBSubnetGroupOutput, error) {
	name, err := given(in.DBSubnetGroupName, "DBSubnetGroupName")
	if err != nil {
		return nil, err
	}
	description, err := given(in.DBSubnetGroupDescription, "DBSubnetGroupDescription")
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	if !subnetPattern.MatchString(name) || name == defaultSubnetGroup {
		return nil, invalid("The parameter DBSubnetGroupName is not a valid identifier: %s", name)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if _, err := s.subnetGroup(c.Account, c.Region, name); err == nil {
		return nil, engine.Refuse("DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", name)
	}
	g, err := s.newSubnetGroup(c.Account, c.Region, name, description, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	s.groups.Lock()
	defer s.groups.Unlock()
	s.groups.subnets = append(s.groups.subnets, subnetGroup{c.Account, c.Region, g})
	return &rds.CreateDBSubnetGroupOutput{DBSubnetGroup: &g}, nil
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSubnetGroups.html
func (s *Service) describeSubnetGroups(c *engine.Call, in *rds.DescribeDBSubnetGroupsInput) (*rds.DescribeDBSubnetGroupsOutput, error) {
	page, err := newPage(in.MaxRecords, in.Marker)
	if err != nil {
		return nil, err
	}
	var found []types.DBSubnetGroup
	if name := aws.ToString(in.DBSubnetGroupName); name != "" {
		g, err := s.subnetGroup(c.Account, c.Region, strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		found = append(found, g)
	} else {
		if g, err := s.subnetGroup(c.Account, c.Region, defaultSubnetGroup); err == nil {
			found = append(found, g)
		}
		s.groups.Lock()
		for _, g := range s.groups.subnets {
			if g.account == c.Account && g.region == c.Region {
				found = append(found, g.DBSubnetGroup)
			}
		}
		s.groups.Unlock()
	}
	nameOf := func(g types.DBSubnetGroup) string { return aws.ToString(g.DBSubnetGroupName) }
	slices.SortFunc(found, func(a, b types.DBSubnetGroup) int { return strings.Compare(nameOf(a), nameOf(b)) })
	found, marker := turn(page, found, nameOf)
	return &rds.DescribeDBSubnetGroupsOutput{DBSubnetGroups: found, Marker: marker}, nil
}

// families of parameter groups, by the engines and versions that exist here.
var families = []string{
	"postgres13", "postgres14", "postgres15", "postgres16", "postgres17", "postgres18", "mysql8.0", "mysql8.4", "mariadb10.6", "mariadb10.11", "mariadb11.4",
}

func newParameterGroup(account, region, name, family, description string) types.DBParameterGroup {
	return types.DBParameterGroup{
		DBParameterGroupName: aws.String(name), DBParameterGroupFamily: aws.String(family), Description: aws.String(description),
		DBParameterGroupArn: aws.String("arn:aws:rds:" + region + ":" + account + ":pg:" + name),
	}
}

// parameterGroups lists an account's parameter groups in a region, sorted.
func (s *Service) parameterGroups(account, region string) []types.DBParameterGroup {
	var list []types.DBParameterGroup
	for _, f := range families {
		list = append(list, newParameterGroup(account, region, "default."+f, f, "Default parameter group for "+f))
	}
	s.groups.Lock()
	for _, g := range s.groups.parameters {
		if g.account == account && g.region == region {
			list = append(list, g.DBParameterGroup)
		}
	}
	s.groups.Unlock()
	slices.SortFunc(list, func(a, b types.DBParameterGroup) int {
		return strings.Compare(*a.DBParameterGroupName, *b.DBParameterGroupName)
	})
	return list
}

func (s *Service) parameterGroup(account, region, name string) (types.DBParameterGroup, error) {
	for _, g := range s.parameterGroups(account, region) {
		if strings.EqualFold(*g.DBParameterGroupName, name) {
			return g, nil
		}
	}
	return types.DBParameterGroup{}, engine.NotFound("DBParameterGroupNotFound", "DBParameterGroup not found: %s", name)
}

// checkParameterGroup wants a group of the family of an engine and its version.
func (s *Service) checkParameterGroup(account, region, dbEngine, version string, name *string) error {
	if name == nil {
		return nil
	}
	g, err := s.parameterGroup(account, region, *name)
	if err != nil {
		return err
	}
	if family := dbEngine + major(dbEngine, version); *g.DBParameterGroupFamily != family {
		return clash("The Parameter Group %s with DBParameterGroupFamily %s cannot be used for this instance. Please use a Parameter Group with DBParameterGroupFamily %s", *name, *g.DBParameterGroupFamily, family)
	}
	return nil
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
func (s *Service) createParameterGroup(c *engine.Call, in *rds.CreateDBParameterGroupInput) (*rds.CreateDBParameterGroupOutput, error) {
	name, err := given(in.DBParameterGroupName, "DBParameterGroupName")
	if err != nil {
		return nil, err
	}
	family, err := given(in.DBParameterGroupFamily, "DBParameterGroupFamily")
	if err != nil {
		return nil, err
	}
	description, err := given(in.Description, "Description")
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	switch {
	case len(name) > 255 || !identifierPattern.MatchString(name):
		return nil, invalid("The parameter DBParameterGroupName is not a valid identifier: %s", name)
	case !slices.Contains(families, family):
		return nil, invalid("ParameterGroupFamily %s is not a valid parameter group family", family)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if _, err := s.parameterGroup(c.Account, c.Region, name); err == nil {
		return nil, engine.Refuse("DBParameterGroupAlreadyExists", "Parameter group %s already exists", name)
	}
	g := newParameterGroup(c.Account, c.Region, name, family, description)
	s.groups.Lock()
	defer s.groups.Unlock()
	s.groups.parameters = append(s.groups.parameters, parameterGroup{c.Account, c.Region, g})
	return &rds.CreateDBParameterGroupOutput{DBParameterGroup: &g}, nil
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBParameterGroups.html
func (s *Service) describeParameterGroups(c *engine.Call, in *rds.DescribeDBParameterGroupsInput) (*rds.DescribeDBParameterGroupsOutput, error) {
	page, err := newPage(in.MaxRecords, in.Marker)
	if err != nil {
		return nil, err
	}
	found := s.parameterGroups(c.Account, c.Region)
	if name := aws.ToString(in.DBParameterGroupName); name != "" {
		g, err := s.parameterGroup(c.Account, c.Region, name)
		if err != nil {
			return nil, err
		}
		found = []types.DBParameterGroup{g}
	}
	found, marker := turn(page, found, func(g types.DBParameterGroup) string { return *g.DBParameterGroupName })
	return &rds.DescribeDBParameterGroupsOutput{DBParameterGroups: found, Marker: marker}, nil
}

// SeedSubnetGroup adds a subnet group to begin with.
func (s *Service) SeedSubnetGroup(account, region, name string, subnets ...string) error {
	g, err := s.newSubnetGroup(account, region, name, name, subnets)
	if err != nil {
		return err
	}
	s.groups.Lock()
	defer s.groups.Unlock()
	s.groups.subnets = append(s.groups.subnets, subnetGroup{account, region, g})
	return nil
}

// SeedParameterGroup adds a parameter group to begin with, of the family that an
// engine's instances have here unless they ask for another version.
func (s *Service) SeedParameterGroup(account, region, name, dbEngine string) {
	family := dbEngine + major(dbEngine, s.defaultVersion(s.opts.StateOnly, dbEngine))
	s.groups.Lock()
	defer s.groups.Unlock()
	s.groups.parameters = append(s.groups.parameters, parameterGroup{account, region, newParameterGroup(account, region, name, family, name)})
}
