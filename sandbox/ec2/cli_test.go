// SPDX-License-Identifier: MPL-2.0

package ec2_test

import (
	"strings"
	"testing"
)

// The AWS CLI reads every kind of answer, refusals included.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	w := start(t)
	var made struct{ GroupId string }
	w.cli(&made, "create-security-group", "--group-name", "cli", "--description", "by the CLI", "--vpc-id", ours)
	var done struct {
		Return             bool
		SecurityGroupRules []struct{ SecurityGroupRuleId, CidrIpv4 string }
	}
	w.cli(&done, "authorize-security-group-ingress", "--group-id", made.GroupId, "--protocol", "tcp", "--port", "5432", "--cidr", "10.0.0.0/8")
	if !done.Return || len(done.SecurityGroupRules) != 1 || done.SecurityGroupRules[0].CidrIpv4 != "10.0.0.0/8" {
		t.Errorf("authorized: %+v", done)
	}
	var groups struct {
		SecurityGroups []struct {
			GroupName, Description, VpcId      string
			IpPermissions, IpPermissionsEgress []struct {
				IpProtocol string
				FromPort   int
				IpRanges   []struct{ CidrIp string }
			}
		}
	}
	w.cli(&groups, "describe-security-groups", "--group-ids", made.GroupId, "--filters", "Name=group-name,Values=cli,other", "Name=vpc-id,Values="+ours)
	if len(groups.SecurityGroups) != 1 {
		t.Fatalf("described: %+v", groups)
	}
	g := groups.SecurityGroups[0]
	if g.Description != "by the CLI" || g.VpcId != ours || len(g.IpPermissions) != 1 || g.IpPermissions[0].FromPort != 5432 ||
		g.IpPermissions[0].IpRanges[0].CidrIp != "10.0.0.0/8" || g.IpPermissionsEgress[0].IpProtocol != "-1" {
		t.Errorf("described: %+v", g)
	}
	w.cli(&done, "revoke-security-group-ingress", "--group-id", made.GroupId, "--security-group-rule-ids", done.SecurityGroupRules[0].SecurityGroupRuleId)
	var rules struct{ SecurityGroupRules []struct{ IsEgress bool } }
	w.cli(&rules, "describe-security-group-rules", "--filters", "Name=group-id,Values="+made.GroupId)
	if len(rules.SecurityGroupRules) != 1 || !rules.SecurityGroupRules[0].IsEgress {
		t.Errorf("the rules left: %+v", rules)
	}
	w.cli(&struct{}{}, "delete-security-group", "--group-id", made.GroupId)
	if out := w.cli(nil, "describe-security-groups", "--group-ids", made.GroupId); !strings.Contains(out, "(InvalidGroup.NotFound)") {
		t.Errorf("a group that is gone: %s", out)
	}
	var network struct {
		Vpcs    []struct{ CidrBlock string }
		Subnets []struct{ AvailabilityZone string }
	}
	w.cli(&network, "describe-vpcs", "--vpc-ids", ours)
	w.cli(&network, "describe-subnets", "--filters", "Name=vpc-id,Values="+ours)
	if network.Vpcs[0].CidrBlock != "10.0.0.0/16" || len(network.Subnets) != 2 {
		t.Errorf("described: %+v", network)
	}
	var acl struct{ NetworkAcl struct{ NetworkAclId string } }
	w.cli(&acl, "create-network-acl", "--vpc-id", ours)
	id := acl.NetworkAcl.NetworkAclId
	w.cli(&struct{}{}, "create-network-acl-entry", "--network-acl-id", id, "--ingress", "--rule-number", "10", "--protocol", "tcp", "--port-range", "From=1,To=9", "--cidr-block", "0.0.0.0/0", "--rule-action", "deny")
	var acls struct {
		NetworkAcls []struct {
			IsDefault bool
			Entries   []struct {
				RuleNumber           int
				Protocol, RuleAction string
				PortRange            struct{ From, To int }
			}
		}
	}
	w.cli(&acls, "describe-network-acls", "--network-acl-ids", id)
	if len(acls.NetworkAcls) != 1 || len(acls.NetworkAcls[0].Entries) != 3 || acls.NetworkAcls[0].Entries[1].PortRange.To != 9 || acls.NetworkAcls[0].Entries[1].Protocol != "6" {
		t.Errorf("described: %+v", acls)
	}
	w.cli(&struct{}{}, "delete-network-acl-entry", "--network-acl-id", id, "--ingress", "--rule-number", "10")
	w.cli(&struct{}{}, "delete-network-acl", "--network-acl-id", id)
}
