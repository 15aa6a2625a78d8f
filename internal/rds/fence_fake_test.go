// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

const (
	openGroup  = "sg-0a0a0a0a0a0a0a0a0"
	fenceGroup = "sg-0f0f0f0f0f0f0f0f0"
	otherGroup = "sg-0c0c0c0c0c0c0c0c0"
)

// network is the cloud's part that fences are about.
type network struct {
	groups map[string]ec2types.SecurityGroup
	events []types.Event
	// session is a client's, open or opened again whenever that can be.
	session bool
	// swapTime and rebootTime are how long these take; rebootLag is how long
	// the status still reads available after the call.
	swapTime, rebootTime, rebootLag time.Duration
	busy                            bool
	modified, rebooted              int // calls that took effect
}

// newFenceable is a cloud in which orders has a client.
func newFenceable() *cloud {
	c := newCloud()
	c.net = network{groups: map[string]ec2types.SecurityGroup{}, session: true, swapTime: 10 * time.Second, rebootTime: 40 * time.Second, rebootLag: time.Second}
	for id, rules := range map[string][]ec2types.IpPermission{openGroup: {{FromPort: aws.Int32(5432)}}, otherGroup: {{FromPort: aws.Int32(5432)}}, fenceGroup: nil} {
		c.net.groups[id] = ec2types.SecurityGroup{GroupId: aws.String(id), VpcId: aws.String("vpc-1"), IpPermissions: rules}
	}
	db := c.get(east, "orders")
	db.DBSubnetGroup = &types.DBSubnetGroup{VpcId: aws.String("vpc-1")}
	wear(db, openGroup)
	return c
}

// setRules gives a group so many ingress rules, and lets the client in if it can.
func setRules(c *cloud, id string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.net.groups[id]
	g.IpPermissions = make([]ec2types.IpPermission, n)
	c.net.groups[id] = g
	c.net.session = c.net.session || c.admits(c.get(east, "orders"))
}

// wear gives an instance active groups.
func wear(db *types.DBInstance, ids ...string) {
	db.VpcSecurityGroups = nil
	for _, id := range ids {
		db.VpcSecurityGroups = append(db.VpcSecurityGroups, types.VpcSecurityGroupMembership{VpcSecurityGroupId: &id, Status: aws.String("active")})
	}
}

// worn are the groups of an instance, with any status but active.
func worn(db *types.DBInstance) string {
	var parts []string
	for _, g := range db.VpcSecurityGroups {
		text := aws.ToString(g.VpcSecurityGroupId)
		if s := aws.ToString(g.Status); s != "active" {
			text += " " + s
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// tagOf is the value of the fence's tag, or "".
func tagOf(db *types.DBInstance) (value string) {
	for _, t := range db.TagList {
		if aws.ToString(t.Key) == rds.FenceTag {
			value = aws.ToString(t.Value)
		}
	}
	return value
}

// admits says that a new client could connect.
func (c *cloud) admits(db *types.DBInstance) bool {
	for _, g := range db.VpcSecurityGroups {
		if aws.ToString(g.Status) != "adding" && len(c.net.groups[aws.ToString(g.VpcSecurityGroupId)].IpPermissions) > 0 {
			return true
		}
	}
	return false
}

func (r *regional) ModifyDBInstance(ctx context.Context, in *awsrds.ModifyDBInstanceInput, _ ...func(*awsrds.Options)) (*awsrds.ModifyDBInstanceOutput, error) {
	if len(in.VpcSecurityGroupIds) == 0 {
		return r.modifyReplica(ctx, in)
	}
	id := aws.ToString(in.DBInstanceIdentifier)
	err := r.around(ctx, r.region, "ModifyDBInstance", id, func() error {
		db := r.get(r.region, id)
		switch {
		case aws.ToBool(in.ApplyImmediately):
			panic("applies what waits for the maintenance window")
		case aws.ToString(db.DBInstanceStatus) != "available" || r.net.busy:
			return &types.InvalidDBInstanceStateFault{Message: aws.String("not available")}
		}
		r.net.modified++
		var groups []types.VpcSecurityGroupMembership
		for _, g := range db.VpcSecurityGroups {
			if !slices.Contains(in.VpcSecurityGroupIds, aws.ToString(g.VpcSecurityGroupId)) {
				groups = append(groups, types.VpcSecurityGroupMembership{VpcSecurityGroupId: g.VpcSecurityGroupId, Status: aws.String("removing")})
			}
		}
		for _, id := range in.VpcSecurityGroupIds {
			groups = append(groups, types.VpcSecurityGroupMembership{VpcSecurityGroupId: &id, Status: aws.String("adding")})
		}
		db.VpcSecurityGroups, r.net.busy = groups, true
		r.later(r.net.swapTime, func() {
			wear(db, in.VpcSecurityGroupIds...)
			r.net.busy = false
			r.net.session = r.net.session || r.admits(db)
		})
		return nil
	})
	return &awsrds.ModifyDBInstanceOutput{}, err
}

func (r *regional) RebootDBInstance(ctx context.Context, in *awsrds.RebootDBInstanceInput, _ ...func(*awsrds.Options)) (*awsrds.RebootDBInstanceOutput, error) {
	id := aws.ToString(in.DBInstanceIdentifier)
	err := r.around(ctx, r.region, "RebootDBInstance", id, func() error {
		db := r.get(r.region, id)
		if aws.ToString(db.DBInstanceStatus) != "available" || r.net.busy {
			return &types.InvalidDBInstanceStateFault{Message: aws.String("not available")}
		}
		r.net.rebooted++
		r.net.busy = true
		r.later(r.net.rebootLag, func() { db.DBInstanceStatus, r.net.session = aws.String("rebooting"), false })
		r.later(r.net.rebootLag+r.net.rebootTime, func() {
			db.DBInstanceStatus, r.net.busy = aws.String("available"), false
			r.net.session = r.admits(db)
			r.net.events = append(r.net.events, types.Event{
				Date: aws.Time(time.Now()), SourceIdentifier: aws.String(id), Message: aws.String("DB instance restarted"), EventCategories: []string{"availability"},
			})
		})
		return nil
	})
	return &awsrds.RebootDBInstanceOutput{}, err
}

func (r *regional) DescribeEvents(ctx context.Context, in *awsrds.DescribeEventsInput, _ ...func(*awsrds.Options)) (*awsrds.DescribeEventsOutput, error) {
	out := &awsrds.DescribeEventsOutput{}
	err := r.around(ctx, r.region, "DescribeEvents", aws.ToString(in.SourceIdentifier), func() error {
		for _, e := range r.net.events {
			if !aws.ToTime(e.Date).Before(aws.ToTime(in.StartTime)) {
				out.Events = append(out.Events, e)
			}
		}
		return nil
	})
	return out, err
}

func (r *regional) RemoveTagsFromResource(ctx context.Context, in *awsrds.RemoveTagsFromResourceInput, _ ...func(*awsrds.Options)) (*awsrds.RemoveTagsFromResourceOutput, error) {
	_, id, _ := strings.Cut(aws.ToString(in.ResourceName), ":db:")
	err := r.around(ctx, r.region, "RemoveTagsFromResource", id, func() error {
		db := r.get(r.region, id)
		db.TagList = slices.DeleteFunc(db.TagList, func(t types.Tag) bool { return slices.Contains(in.TagKeys, aws.ToString(t.Key)) })
		return nil
	})
	return &awsrds.RemoveTagsFromResourceOutput{}, err
}

func (r *regional) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	out := &ec2.DescribeSecurityGroupsOutput{}
	err := r.around(ctx, r.region, "DescribeSecurityGroups", strings.Join(in.Filters[0].Values, ","), func() error {
		for _, id := range in.Filters[0].Values {
			if g, ok := r.net.groups[id]; ok {
				out.SecurityGroups = append(out.SecurityGroups, g)
			}
		}
		return nil
	})
	return out, err
}
