// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// elsewhere adds another VPC in us-east-1, with a subnet group "other" and a
// security group.
func (w *world) elsewhere() (group string) {
	w.t.Helper()
	vpc, a, b := ec2.ID("vpc", "other"), ec2.ID("subnet", "other", "a"), ec2.ID("subnet", "other", "b")
	group = ec2.ID("sg", "other")
	err := errors.Join(
		w.ec2.SeedVPC(ec2.VPC{Account: engine.WorkloadAccount, Region: east, ID: vpc, CIDR: "10.9.0.0/16", Subnets: []ec2.Subnet{
			{ID: a, CIDR: "10.9.0.0/24", Zone: "a"}, {ID: b, CIDR: "10.9.1.0/24", Zone: "b"},
		}}),
		w.ec2.SeedGroup(ec2.Group{Account: engine.WorkloadAccount, Region: east, ID: group, VPC: vpc, Name: "other", Description: "other"}),
		w.rds.SeedSubnetGroup(engine.WorkloadAccount, east, "other", a, b),
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return group
}

func TestGroupsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	w.seed("postgres")
	foreign := w.elsewhere()
	w.rds.SeedParameterGroup(engine.WorkloadAccount, east, "for-mysql", "mysql")
	for _, tc := range []struct {
		groups             []string
		subnets, parameter string
		code               string
		status             int
	}{
		{[]string{"sg-00000000000000000"}, "", "", "InvalidParameterValue", 400},
		{[]string{letsIn, foreign}, "", "", "InvalidParameterCombination", 400},
		{[]string{letsIn}, "other", "", "InvalidParameterCombination", 400},
		{nil, "nothing", "", "DBSubnetGroupNotFoundFault", 404},
		{nil, "", "nothing", "DBParameterGroupNotFound", 404},
		{nil, "", "for-mysql", "InvalidParameterCombination", 400},
	} {
		in := newInstance("new")
		in.VpcSecurityGroupIds, in.DBSubnetGroupName, in.DBParameterGroupName = tc.groups, text(tc.subnets), text(tc.parameter)
		_, err := w.client(east).CreateDBInstance(t.Context(), in)
		refused(t, err, tc.code, tc.status)
		_, err = w.client(east).CreateDBInstanceReadReplica(t.Context(), &sdk.CreateDBInstanceReadReplicaInput{
			DBInstanceIdentifier: aws.String("new"), SourceDBInstanceIdentifier: aws.String("orders"),
			VpcSecurityGroupIds: tc.groups, DBSubnetGroupName: in.DBSubnetGroupName, DBParameterGroupName: in.DBParameterGroupName,
		})
		refused(t, err, tc.code, tc.status)
		code := tc.code
		if tc.subnets == "other" {
			code = "InvalidParameterValue" // not simulated
		}
		_, err = w.client(east).ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{
			DBInstanceIdentifier: aws.String("orders"), VpcSecurityGroupIds: tc.groups, DBSubnetGroupName: in.DBSubnetGroupName, DBParameterGroupName: in.DBParameterGroupName,
		})
		refused(t, err, code, tc.status)
	}
	in := newInstance("new")
	in.DBSubnetGroupName, in.VpcSecurityGroupIds = aws.String("other"), []string{foreign}
	out, err := w.client(east).CreateDBInstance(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if g := out.DBInstance.DBSubnetGroup; aws.ToString(g.DBSubnetGroupName) != "other" || aws.ToString(g.VpcId) != ec2.ID("vpc", "other") || len(g.Subnets) != 2 {
		t.Errorf("its subnet group is %+v", g)
	}
}

func text(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}

func (w *world) swap(id string, groups ...string) *types.DBInstance {
	w.t.Helper()
	out, err := w.client(east).ModifyDBInstance(w.t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String(id), VpcSecurityGroupIds: groups})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.DBInstance
}

// network shows the status and that of each group.
func network(db types.DBInstance) string {
	parts := []string{status(db)}
	for _, g := range db.VpcSecurityGroups {
		parts = append(parts, aws.ToString(g.VpcSecurityGroupId)[3:6]+" "+aws.ToString(g.Status))
	}
	return strings.Join(parts, ", ")
}

func TestSecurityGroupsAreSwappedInTheirOwnTime(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	w.seed("postgres")
	remove := func(group string) error {
		_, err := w.ec2Client(east).DeleteSecurityGroup(t.Context(), &ec2sdk.DeleteSecurityGroupInput{GroupId: aws.String(group)})
		return err
	}
	refused(t, remove(letsIn), "DependencyViolation", 400)
	if got := network(*w.swap("orders", shut)); got != "available, 0fe adding, 012 removing" {
		t.Errorf("the answer shows %q", got)
	}
	if !w.rds.Admits(engine.WorkloadAccount, east, "orders") {
		t.Error("a group that is being added is in force")
	}
	for _, group := range []string{letsIn, shut} { // both are in use meanwhile
		refused(t, remove(group), "DependencyViolation", 400)
	}
	_, err := w.client(east).RebootDBInstance(t.Context(), &sdk.RebootDBInstanceInput{DBInstanceIdentifier: aws.String("orders")})
	refused(t, err, "InvalidDBInstanceState", 400)
	seen := w.statuses(east, "orders", network, "available, 0fe active")
	if !slices.Contains(seen, "modifying, 0fe adding, 012 removing") {
		t.Errorf("the swap went %q", seen)
	}
	if w.rds.Admits(engine.WorkloadAccount, east, "orders") {
		t.Error("a group that lets nobody in lets somebody in")
	}
	if got := network(*w.swap("orders", shut, shut)); got != "available, 0fe active" {
		t.Errorf("a swap that changes nothing shows %q", got)
	}
	w.swap("orders", shut, letsIn)
	w.statuses(east, "orders", network, "available, 0fe active, 012 active")
	if !w.rds.Admits(engine.WorkloadAccount, east, "orders") {
		t.Error("a group that lets in does not")
	}
	w.swap("orders", letsIn)
	w.statuses(east, "orders", network, "available, 012 active")
	if err := remove(shut); err != nil {
		t.Errorf("a group that nothing uses any more: %v", err)
	}
}

func TestAWSCLIReadsGroups(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	_, subnets := w.ec2.DefaultVPC(engine.WorkloadAccount, west)
	for _, c := range []struct {
		args string
		want string
	}{
		{"create-db-subnet-group --db-subnet-group-name Mine --db-subnet-group-description mine --subnet-ids " + strings.Join(subnets, " "), "Complete"},
		{"describe-db-subnet-groups --query DBSubnetGroups[].[DBSubnetGroupName,length(Subnets)]", "mine\t2"},
		{"describe-db-subnet-groups --db-subnet-group-name theirs", "(DBSubnetGroupNotFoundFault)"},
		{"create-db-subnet-group --db-subnet-group-name one --db-subnet-group-description one --subnet-ids " + subnets[0], "(DBSubnetGroupDoesNotCoverEnoughAZs)"},
		{"create-db-parameter-group --db-parameter-group-name mine --db-parameter-group-family postgres16 --description mine", "postgres16"},
		{"create-db-parameter-group --db-parameter-group-name mine --db-parameter-group-family postgres16 --description mine", "(DBParameterGroupAlreadyExists)"},
		{"describe-db-parameter-groups --db-parameter-group-name mine --query DBParameterGroups[].DBParameterGroupArn", "arn:aws:rds:us-west-2:111111111111:pg:mine"},
		{"describe-db-parameter-groups --db-parameter-group-name theirs", "(DBParameterGroupNotFound)"},
	} {
		out, _ := w.cli(append([]string{"--region", west, "rds"}, strings.Fields(c.args)...)...)
		if !strings.Contains(out, c.want) {
			t.Errorf("aws rds %s: %s, want %q", c.args, out, c.want)
		}
	}
}

// What a fence relies on: new sessions follow the groups at once, open ones live
// on until the instance restarts or a network ACL stops them.
func TestTheNetworkOfARealDatabase(t *testing.T) {
	t.Parallel()
	w := start(t, 600, false)
	w.seed("postgres")
	hangs := func(when string) {
		t.Helper()
		if _, err := w.session("orders"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: a new session: %v, want it to hang", when, err)
		}
	}
	works := func(when string) {
		t.Helper()
		if err := w.run("orders", "SELECT 1"); err != nil {
			t.Errorf("%s: a new session: %v", when, err)
		}
	}
	open, err := w.session("orders")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close(context.Background()) }()
	goesOn := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := open.Exec(ctx, "SELECT 1")
		return err
	}
	c := w.ec2Client(east)
	rule := []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}},
	}}
	if _, err := c.RevokeSecurityGroupIngress(t.Context(), &ec2sdk.RevokeSecurityGroupIngressInput{GroupId: aws.String(letsIn), IpPermissions: rule}); err != nil {
		t.Fatal(err)
	}
	hangs("the rule revoked")
	if _, err := c.AuthorizeSecurityGroupIngress(t.Context(), &ec2sdk.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(letsIn), IpPermissions: rule}); err != nil {
		t.Fatal(err)
	}
	works("the rule back")

	w.swap("orders", shut)
	w.statuses(east, "orders", network, "available, 0fe active")
	hangs("swapped")
	if err := goesOn(5 * time.Second); err != nil {
		t.Errorf("an open session does not survive a swap: %v", err)
	}
	if got := w.rows("orders-usw2"); got != -1 { // no table yet; the replica's own group is another matter
		t.Errorf("%d rows", got)
	}
	if err := w.rds.Server(engine.WorkloadAccount, east, "orders").Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.lagBecomes("small through a fence: replication passes it", func(v float64) bool { return v >= 0 && v < 60 })
	if _, err := w.client(east).RebootDBInstance(t.Context(), &sdk.RebootDBInstanceInput{DBInstanceIdentifier: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	w.statuses(east, "orders", status, "available")
	if err := goesOn(5 * time.Second); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an open session after a reboot: %v, want it ended", err)
	}
	hangs("rebooted")
	w.swap("orders", letsIn)
	w.statuses(east, "orders", network, "available, 012 active")
	works("swapped back")

	if open, err = w.session("orders"); err != nil {
		t.Fatal(err)
	}
	acl, err := c.CreateNetworkAcl(t.Context(), &ec2sdk.CreateNetworkAclInput{VpcId: w.describe(east, "orders").DBSubnetGroup.VpcId})
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.DescribeNetworkAcls(t.Context(), &ec2sdk.DescribeNetworkAclsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all.NetworkAcls {
		for _, at := range a.Associations {
			if _, err := c.ReplaceNetworkAclAssociation(t.Context(), &ec2sdk.ReplaceNetworkAclAssociationInput{AssociationId: at.NetworkAclAssociationId, NetworkAclId: acl.NetworkAcl.NetworkAclId}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := goesOn(500 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an open session behind an ACL that denies: %v, want it to hang", err)
	}
	hangs("denied")
}
