// SPDX-License-Identifier: MPL-2.0

package ec2_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func TestDescribeVPCsAndSubnets(t *testing.T) {
	t.Parallel()
	w := start(t)
	vpcs, err := w.sdk.DescribeVpcs(t.Context(), &sdk.DescribeVpcsInput{})
	if err != nil || len(vpcs.Vpcs) != 2 {
		t.Fatalf("%v: %+v, want the default VPC and ours", err, vpcs)
	}
	vpcs, err = w.sdk.DescribeVpcs(t.Context(), &sdk.DescribeVpcsInput{Filters: []types.Filter{
		{Name: aws.String("is-default"), Values: []string{"false"}}, {Name: aws.String("tag:Name"), Values: []string{"te?t", "x*"}},
	}})
	if err != nil || len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].VpcId != ours || *vpcs.Vpcs[0].CidrBlock != "10.0.0.0/16" ||
		vpcs.Vpcs[0].State != types.VpcStateAvailable || *vpcs.Vpcs[0].Tags[0].Value != "test" {
		t.Fatalf("%v: %+v", err, vpcs)
	}
	subnets, err := w.sdk.DescribeSubnets(t.Context(), &sdk.DescribeSubnetsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{ours}}}})
	if err != nil || len(subnets.Subnets) != 2 {
		t.Fatalf("%v: %+v", err, subnets)
	}
	subnets, err = w.sdk.DescribeSubnets(t.Context(), &sdk.DescribeSubnetsInput{SubnetIds: []string{subnetB}})
	if err != nil || *subnets.Subnets[0].AvailabilityZone != region+"b" || *subnets.Subnets[0].VpcId != ours {
		t.Fatalf("%v: %+v", err, subnets)
	}
	_, err = w.sdk.DescribeSubnets(t.Context(), &sdk.DescribeSubnetsInput{SubnetIds: []string{"subnet-01234567"}})
	refused(t, err, "InvalidSubnetID.NotFound")
	_, err = w.sdk.DescribeVpcs(t.Context(), &sdk.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})
	refused(t, err, "InvalidParameterValue")
}

func TestAGroupFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	w := start(t)
	create := func(name, description, vpc string) (*sdk.CreateSecurityGroupOutput, error) {
		return w.sdk.CreateSecurityGroup(t.Context(), &sdk.CreateSecurityGroupInput{
			GroupName: filled(name), Description: filled(description), VpcId: filled(vpc),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("dr")}}}},
		})
	}
	out, err := create("new", "a new one", ours)
	if err != nil {
		t.Fatal(err)
	}
	described, err := w.sdk.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{GroupIds: []string{*out.GroupId}})
	if err != nil {
		t.Fatal(err)
	}
	g := described.SecurityGroups[0]
	if *g.GroupName != "new" || *g.Description != "a new one" || *g.VpcId != ours || *g.OwnerId != engine.WorkloadAccount || *g.Tags[0].Key != "team" ||
		len(g.IpPermissions) != 0 || len(g.IpPermissionsEgress) != 1 || *g.IpPermissionsEgress[0].IpProtocol != "-1" || *g.IpPermissionsEgress[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("created as %+v", g)
	}
	for _, c := range []struct{ name, description, vpc, code string }{
		{"new", "again", ours, "InvalidGroup.Duplicate"},
		{"default", "reserved", ours, "InvalidParameterValue"},
		{"sg-new", "like an id", ours, "InvalidParameterValue"},
		{"other", "nowhere", "vpc-01234567", "InvalidVpcID.NotFound"},
	} {
		_, err := create(c.name, c.description, c.vpc)
		refused(t, err, c.code)
	}
	// The same name may be in another VPC, and is found by name only there.
	if _, err := create("new", "in the default VPC", ""); err != nil {
		t.Error(err)
	}
	named, err := w.sdk.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{GroupNames: []string{"new"}})
	if err != nil || len(named.SecurityGroups) != 1 || *named.SecurityGroups[0].VpcId == ours {
		t.Errorf("%v: by name: %+v", err, named)
	}
	remove := func(id string) error {
		_, err := w.sdk.DeleteSecurityGroup(t.Context(), &sdk.DeleteSecurityGroupInput{GroupId: aws.String(id)})
		return err
	}
	refused(t, remove(open), "DependencyViolation") // an interface has it
	w.attach(*out.GroupId)
	refused(t, remove(*out.GroupId), "DependencyViolation")
	w.ec2.Detach(engine.WorkloadAccount, region, "db")
	if _, err := w.sdk.AuthorizeSecurityGroupIngress(t.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(shut), IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: out.GroupId}},
	}}}); err != nil {
		t.Fatal(err)
	}
	refused(t, remove(*out.GroupId), "DependencyViolation") // another group's rule names it
	for _, id := range []string{shut, *out.GroupId, open} {
		if err := remove(id); err != nil {
			t.Error(err)
		}
	}
	refused(t, remove(open), "InvalidGroup.NotFound")
	refused(t, remove("orders"), "InvalidGroupId.Malformed")
}

func filled(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}

func TestRulesAreAddedAndRevokedWhole(t *testing.T) {
	t.Parallel()
	w := start(t)
	authorize := func(p []types.IpPermission) error {
		_, err := w.sdk.AuthorizeSecurityGroupIngress(t.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(open), IpPermissions: p})
		return err
	}
	revoke := func(p []types.IpPermission) error {
		_, err := w.sdk.RevokeSecurityGroupIngress(t.Context(), &sdk.RevokeSecurityGroupIngressInput{GroupId: aws.String(open), IpPermissions: p})
		return err
	}
	refused(t, authorize(ingress(5432, "192.0.2.0/24", "10.0.0.0/8")), "InvalidPermission.Duplicate")
	refused(t, authorize(ingress(5432, "10.0.0.1/8")), "InvalidParameterValue")
	refused(t, authorize(ingress(5432)), "MissingParameter")
	refused(t, authorize([]types.IpPermission{{IpProtocol: aws.String("tcp"), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}}), "InvalidParameterValue")
	rules := func() []types.SecurityGroupRule {
		t.Helper()
		out, err := w.sdk.DescribeSecurityGroupRules(t.Context(), &sdk.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{open}}}})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(out.SecurityGroupRules, func(r types.SecurityGroupRule) bool { return *r.IsEgress })
	}
	if got := rules(); len(got) != 1 { // what was refused left nothing
		t.Fatalf("the rules are %+v", got)
	}
	if err := authorize(ingress(5432, "192.0.2.0/24", "198.51.100.0/24")); err != nil {
		t.Fatal(err)
	}
	if got := rules(); len(got) != 3 || *got[0].FromPort != 5432 || *got[0].IpProtocol != "tcp" {
		t.Fatalf("the rules are %+v", got)
	}
	refused(t, revoke(ingress(5432, "192.0.2.0/24", "203.0.113.0/24")), "InvalidPermission.NotFound")
	if err := revoke(ingress(5432, "192.0.2.0/24", "198.51.100.0/24")); err != nil {
		t.Fatal(err)
	}
	left := rules()
	if len(left) != 1 || *left[0].CidrIpv4 != "10.0.0.0/8" {
		t.Fatalf("the rules are %+v", left)
	}
	byID := func(id *string) error {
		_, err := w.sdk.RevokeSecurityGroupIngress(t.Context(), &sdk.RevokeSecurityGroupIngressInput{GroupId: aws.String(open), SecurityGroupRuleIds: []string{*id}})
		return err
	}
	if err := byID(left[0].SecurityGroupRuleId); err != nil {
		t.Fatal(err)
	}
	refused(t, byID(left[0].SecurityGroupRuleId), "InvalidSecurityGroupRuleId.NotFound")
	if got := w.admits(); got != [2]bool{false, true} {
		t.Errorf("with its rule revoked, new and old connections pass: %v", got)
	}
}

func TestGroupsJudgeNewConnectionsAndACLsEveryPacket(t *testing.T) {
	t.Parallel()
	w := start(t)
	check := func(what string, want [2]bool) {
		t.Helper()
		if got := w.admits(); got != want {
			t.Errorf("%s: new and established connections pass: %v, want %v", what, got, want)
		}
	}
	check("a group that lets in", [2]bool{true, true})
	if w.ec2.Admits(engine.WorkloadAccount, region, "db", 5433, false) {
		t.Error("a port that no rule names is open")
	}
	w.attach(shut)
	check("a group that lets nobody in", [2]bool{false, true})
	w.attach(shut, open)
	check("both groups", [2]bool{true, true})

	acls, err := w.sdk.DescribeNetworkAcls(t.Context(), &sdk.DescribeNetworkAclsInput{Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnetA}}}})
	if err != nil || len(acls.NetworkAcls) != 1 {
		t.Fatalf("%v: %+v", err, acls)
	}
	normal := acls.NetworkAcls[0]
	if !*normal.IsDefault || len(normal.Entries) != 4 || len(normal.Associations) != 2 {
		t.Errorf("the default ACL is %+v", normal)
	}
	made, err := w.sdk.CreateNetworkAcl(t.Context(), &sdk.CreateNetworkAclInput{VpcId: aws.String(ours)})
	if err != nil {
		t.Fatal(err)
	}
	acl := made.NetworkAcl.NetworkAclId
	associate := func(acl *string) {
		t.Helper()
		out, err := w.sdk.DescribeNetworkAcls(t.Context(), &sdk.DescribeNetworkAclsInput{Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnetA}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range out.NetworkAcls[0].Associations {
			if *a.SubnetId != subnetA {
				continue
			}
			if _, err := w.sdk.ReplaceNetworkAclAssociation(t.Context(), &sdk.ReplaceNetworkAclAssociationInput{AssociationId: a.NetworkAclAssociationId, NetworkAclId: acl}); err != nil {
				t.Fatal(err)
			}
			_, err := w.sdk.ReplaceNetworkAclAssociation(t.Context(), &sdk.ReplaceNetworkAclAssociationInput{AssociationId: a.NetworkAclAssociationId, NetworkAclId: acl})
			refused(t, err, "InvalidAssociationID.NotFound") // it has another id now
		}
	}
	associate(acl)
	check("an ACL without entries", [2]bool{false, false})
	put := func(number int32, egress bool, action types.RuleAction, from, to int32) error {
		_, err := w.sdk.CreateNetworkAclEntry(t.Context(), &sdk.CreateNetworkAclEntryInput{
			NetworkAclId: acl, RuleNumber: aws.Int32(number), Egress: aws.Bool(egress), Protocol: aws.String("6"), RuleAction: action,
			CidrBlock: aws.String("10.0.0.0/8"), PortRange: &types.PortRange{From: aws.Int32(from), To: aws.Int32(to)},
		})
		return err
	}
	if err := put(100, false, types.RuleActionAllow, 5432, 5432); err != nil {
		t.Fatal(err)
	}
	check("an ACL that lets in and no answer out", [2]bool{false, false})
	if err := put(100, true, types.RuleActionAllow, 1024, 65535); err != nil {
		t.Fatal(err)
	}
	check("an ACL that lets both ways", [2]bool{true, true})
	refused(t, put(100, true, types.RuleActionDeny, 1, 2), "NetworkAclEntryAlreadyExists")
	if err := put(90, false, types.RuleActionDeny, 5000, 6000); err != nil {
		t.Fatal(err)
	}
	check("a denial with a smaller number", [2]bool{false, false})
	_, err = w.sdk.ReplaceNetworkAclEntry(t.Context(), &sdk.ReplaceNetworkAclEntryInput{
		NetworkAclId: acl, RuleNumber: aws.Int32(90), Egress: aws.Bool(false), Protocol: aws.String("-1"), RuleAction: types.RuleActionDeny, CidrBlock: aws.String("192.0.2.0/24"),
	})
	if err != nil {
		t.Fatal(err)
	}
	check("a denial of others", [2]bool{true, true})
	remove := func() error {
		_, err := w.sdk.DeleteNetworkAclEntry(t.Context(), &sdk.DeleteNetworkAclEntryInput{NetworkAclId: acl, RuleNumber: aws.Int32(100), Egress: aws.Bool(false)})
		return err
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	check("an ACL whose permission is gone", [2]bool{false, false})
	refused(t, remove(), "InvalidNetworkAclEntry.NotFound")
	_, err = w.sdk.DeleteNetworkAcl(t.Context(), &sdk.DeleteNetworkAclInput{NetworkAclId: acl})
	refused(t, err, "DependencyViolation")
	associate(normal.NetworkAclId)
	check("the default ACL again", [2]bool{true, true})
}

func TestDescribePagesAndDryRuns(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		if _, err := w.sdk.CreateSecurityGroup(t.Context(), &sdk.CreateSecurityGroupInput{GroupName: aws.String(n), Description: aws.String(n), VpcId: aws.String(ours)}); err != nil {
			t.Fatal(err)
		}
	}
	pages := sdk.NewDescribeSecurityGroupsPaginator(w.sdk, &sdk.DescribeSecurityGroupsInput{
		MaxResults: aws.Int32(5), Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{ours}}},
	})
	seen := map[string]bool{}
	turns := 0
	for ; pages.HasMorePages(); turns++ {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range out.SecurityGroups {
			seen[*g.GroupName] = true
		}
	}
	if turns != 2 || len(seen) != 9 {
		t.Errorf("%d pages with the groups %v", turns, seen)
	}
	_, err := w.sdk.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{MaxResults: aws.Int32(1)})
	refused(t, err, "InvalidParameterValue")
	_, err = w.sdk.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{NextToken: aws.String("nonsense")})
	refused(t, err, "InvalidPaginationToken")
	_, err = w.sdk.DeleteSecurityGroup(t.Context(), &sdk.DeleteSecurityGroupInput{GroupId: aws.String(shut), DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation")
	if _, err := w.sdk.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{GroupIds: []string{shut}}); err != nil {
		t.Errorf("a dry run had an effect: %v", err)
	}
	w.e.AddFault(engine.Fault{Kind: engine.FaultThrottle})
	_, err = w.sdk.DescribeVpcs(t.Context(), &sdk.DescribeVpcsInput{})
	refused(t, err, "RequestLimitExceeded")
}
