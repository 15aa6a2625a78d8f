// SPDX-License-Identifier: MPL-2.0

// Package ec2 is the sandbox's Amazon VPC, as far as a database's network needs
// it: VPCs, subnets, security groups with their rules, and network ACLs, of every
// region and account. Every account has a default VPC in every region, as in AWS.
//
// Rules are enforced: a service that keeps something in a VPC attaches a network
// interface, and its proxy asks Admits before it lets a client through. All
// clients on loopback count as one address inside the VPC, Client, which is a
// member of no security group.
//
// Not simulated: instances, route tables and gateways (every address of a VPC is
// reachable as far as groups and ACLs say), peering, prefix lists, the creation
// and deletion of VPCs and subnets, tagging after creation.
package ec2

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Service is the simulated EC2 of all regions and accounts.
type Service struct {
	e *engine.Engine

	mu         sync.Mutex // guards what follows, and all that it leads to
	vpcs       []*vpc
	subnets    []*subnet
	groups     []*group
	acls       []*acl
	interfaces []Interface
}

// New makes an EC2 with the default VPCs.
func New(e *engine.Engine) *Service {
	s := &Service{e: e}
	for _, account := range []string{engine.WorkloadAccount, engine.DNSAccount} {
		for _, region := range e.Regions {
			s.seedDefault(account, region)
		}
	}
	return s
}

// Definition is what the engine registers.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name:         "ec2",
		Protocols:    []engine.Protocol{engine.EC2Query},
		XMLNamespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		LowerCamel:   true,
		FieldNames: map[string]string{
			"CreateNetworkAclEntryInput.IcmpTypeCode":  "Icmp",
			"CreateSecurityGroupInput.Description":     "GroupDescription",
			"NetworkAcl.Associations":                  "associationSet",
			"NetworkAcl.Entries":                       "entrySet",
			"NetworkAcl.IsDefault":                     "default",
			"NetworkAcls":                              "networkAclSet",
			"ReplaceNetworkAclEntryInput.IcmpTypeCode": "Icmp",
			"RevokedSecurityGroupRules":                "revokedSecurityGroupRuleSet",
			"SecurityGroup.Description":                "groupDescription",
			"SecurityGroupRules":                       "securityGroupRuleSet",
			"SecurityGroups":                           "securityGroupInfo",
			"Subnets":                                  "subnetSet",
			"Tags":                                     "tagSet",
			"UnknownIpPermissions":                     "unknownIpPermissionSet",
			"UserIdGroupPairs":                         "groups",
			"Vpcs":                                     "vpcSet",
		},
		Operations: []engine.Operation{
			op("AuthorizeSecurityGroupEgress", s.authorizeEgress, engine.Mutating()),
			op("AuthorizeSecurityGroupIngress", s.authorizeIngress, engine.Mutating()),
			op("CreateNetworkAcl", s.createACL, engine.Mutating()),
			op("CreateNetworkAclEntry", s.createEntry, engine.Mutating()),
			op("CreateSecurityGroup", s.createGroup, engine.Mutating()),
			op("DeleteNetworkAcl", s.deleteACL, engine.Mutating()),
			op("DeleteNetworkAclEntry", s.deleteEntry, engine.Mutating()),
			op("DeleteSecurityGroup", s.deleteGroup, engine.Mutating()),
			op("DescribeNetworkAcls", s.describeACLs),
			op("DescribeSecurityGroupRules", s.describeRules),
			op("DescribeSecurityGroups", s.describeGroups),
			op("DescribeSubnets", s.describeSubnets),
			op("DescribeVpcs", s.describeVPCs),
			op("ReplaceNetworkAclAssociation", s.replaceAssociation, engine.Mutating()),
			op("ReplaceNetworkAclEntry", s.replaceEntry, engine.Mutating()),
			op("RevokeSecurityGroupEgress", s.revokeEgress, engine.Mutating()),
			op("RevokeSecurityGroupIngress", s.revokeIngress, engine.Mutating()),
		},
	}
}

// op makes an operation that answers a dry run as EC2 does, with an error.
func op[I, O any](name string, handle func(*engine.Call, *I) (*O, error), options ...engine.OpOption) engine.Operation {
	return engine.Op(name, func(c *engine.Call, in *I) (*O, error) {
		if dry, ok := reflect.ValueOf(in).Elem().FieldByName("DryRun").Interface().(*bool); ok && aws.ToBool(dry) {
			return nil, &engine.Error{Code: "DryRunOperation", Status: http.StatusPreconditionFailed,
				Message: "Request would have succeeded, but DryRun flag is set."}
		}
		return handle(c, in)
	}, options...)
}

// ID derives a stable id, such as "sg-0123456789abcdef0", for what is there from
// the beginning.
func ID(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(prefix + "/" + strings.Join(parts, "/")))
	return prefix + "-0" + hex.EncodeToString(sum[:])[:16]
}

// newID makes the id of what is created by a call.
func newID(prefix string) string {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand never fails
	return prefix + "-0" + hex.EncodeToString(b[:])
}
