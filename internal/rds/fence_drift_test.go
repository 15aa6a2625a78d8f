// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

func hold(t *testing.T, c *cloud) {
	t.Helper()
	if _, err := ensureFence(t, c, fenced()); err != nil {
		t.Fatal(err)
	}
	c.calls = nil
}

func untag(db *types.DBInstance) { db.TagList = nil }

func tagged(db *types.DBInstance, value string) {
	db.TagList = []types.Tag{{Key: aws.String(rds.FenceTag), Value: &value}}
}

// TestFenceDrift is what others make of a fence: named, and not blindly undone.
func TestFenceDrift(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		drift func(*types.DBInstance)
		// named in the drift; the state that the fence is in then.
		named, state string
		// refenced says whether fencing again works, with the original groups
		// that are recorded then.
		original string
		// lifted are the groups after lifting, named those in its warning.
		lifted, warns string
	}{
		"another group joins": {
			drift: func(db *types.DBInstance) { wear(db, fenceGroup, otherGroup) },
			named: otherGroup, state: rds.FenceOpen, original: openGroup, lifted: openGroup + ", " + otherGroup, warns: otherGroup,
		},
		"put back by hand": {
			drift: func(db *types.DBInstance) { wear(db, openGroup) },
			named: openGroup, state: rds.FenceOpen, original: openGroup, lifted: openGroup,
		},
		"replaced": {
			drift: func(db *types.DBInstance) { wear(db, otherGroup) },
			named: otherGroup, state: rds.FenceOpen, original: openGroup, lifted: otherGroup, warns: otherGroup,
		},
		"the tag is removed": {
			drift: untag, named: rds.FenceTag, state: rds.FenceOpen, original: openGroup, lifted: openGroup,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				hold(t, c)
				test.drift(c.get(east, "orders"))
				status, err := c.service(east).FindFence(t.Context(), fenced())
				if err != nil || status.State != test.state || !strings.Contains(status.Drift, test.named) {
					t.Errorf("%+v, %v", status, err)
				}
				a, err := c.service(east).AssessFence(t.Context(), fenced())
				if err != nil || len(a.Refusals) > 0 || !slices.ContainsFunc(a.Warnings, func(w rds.Warning) bool {
					return w.Summary == "orders: the fence is not as it was left" && strings.Contains(w.Detail, test.named)
				}) {
					t.Errorf("%+v, %v", a, err)
				}
				wantChanges(t, c) // looking restores nothing
				out, err := ensureFence(t, c, fenced())
				if err != nil || strings.Join(out.Status.Original, ", ") != test.original {
					t.Errorf("%+v, %v", out, err)
				}
				wantHeld(t, c)
			})
			fencing(t, func(t *testing.T, c *cloud) {
				hold(t, c)
				test.drift(c.get(east, "orders"))
				out, err := ensureFence(t, c, open())
				if err != nil || worn(c.get(east, "orders")) != test.lifted || tagOf(c.get(east, "orders")) != "" {
					t.Errorf("%+v, %v: in %s", out, err, worn(c.get(east, "orders")))
				}
				if (test.warns != "") != (len(out.Warnings) == 1) || test.warns != "" && !strings.Contains(out.Warnings[0].Detail, test.warns) {
					t.Errorf("warnings %+v", out.Warnings)
				}
			})
		})
	}
}

// TestFenceWithoutRecord neither guesses what to put back, nor forgets it.
func TestFenceWithoutRecord(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*types.DBInstance){
		"no tag":         func(db *types.DBInstance) { untag(db) },
		"somebody's tag": func(db *types.DBInstance) { tagged(db, "yes") },
		"half a tag":     func(db *types.DBInstance) { tagged(db, "held 2026-11-25T03:01:40Z  0f") },
		"a bad time":     func(db *types.DBInstance) { tagged(db, "held yesterday 0a 0f") },
		"a bad phase":    func(db *types.DBInstance) { tagged(db, "done 2026-11-25T03:01:40Z 0a 0f") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				hold(t, c)
				spoil(c.get(east, "orders"))
				for _, spec := range []rds.FenceSpec{fenced(), open()} {
					spec.Original = nil
					_, err := ensureFence(t, c, spec)
					wantError(t, err, rds.KindFenceRecord, rds.FieldIdentifier, rds.FenceTag, "Nothing was changed")
				}
				wantChanges(t, c)
			})
		})
	}
}

// A fence that holds may change its groups: no reboot, and no moment without.
func TestFenceChangesItsGroups(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		hold(t, c)
		before, err := c.service(east).FindFence(t.Context(), fenced())
		if err != nil {
			t.Fatal(err)
		}
		const second = "sg-0e0e0e0e0e0e0e0e0"
		c.net.groups[second] = ec2types.SecurityGroup{GroupId: aws.String(second), VpcId: aws.String("vpc-1")}
		spec := fenced()
		spec.Groups = []string{second}
		out, err := ensureFence(t, c, spec)
		if err != nil || out.Status.State != rds.FenceFenced || !out.Status.Since.Equal(before.Since) || worn(c.get(east, "orders")) != second {
			t.Errorf("%+v, %v", out, err)
		}
		wantChanges(t, c, "ModifyDBInstance", "AddTagsToResource")
		spec.Fenced, spec.WasFenced = false, true
		if _, err := ensureFence(t, c, spec); err != nil {
			t.Fatal(err)
		}
		wantOpen(t, c)
	})
}

func TestFenceRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*cloud, *rds.FenceSpec)
		kind    rds.Kind
		field   string
		text    string
	}{
		"a group that is missing": {
			func(_ *cloud, s *rds.FenceSpec) { s.Groups = []string{"sg-00000000000000000"} },
			rds.KindFenceGroups, rds.FieldFenceGroups, "has no security group sg-00000000000000000",
		},
		"a group with an ingress rule": {
			func(_ *cloud, s *rds.FenceSpec) { s.Groups = []string{otherGroup} },
			rds.KindFenceGroups, rds.FieldFenceGroups, otherGroup + " has 1 ingress rules",
		},
		"a group of another VPC": {
			func(c *cloud, _ *rds.FenceSpec) { c.get(east, "orders").DBSubnetGroup.VpcId = aws.String("vpc-2") },
			rds.KindFenceGroups, rds.FieldFenceGroups, "is in vpc-1, and the instance is in vpc-2",
		},
		"groups that may not be read": {
			func(c *cloud, _ *rds.FenceSpec) {
				c.fail = only(east, "DescribeSecurityGroups", refusal("UnauthorizedOperation", "not authorized"))
			},
			rds.KindRead, "", "permission",
		},
		"a replica": {
			func(c *cloud, _ *rds.FenceSpec) {
				c.get(east, "orders").ReadReplicaSourceDBInstanceIdentifier = aws.String("other")
			},
			rds.KindReplica, rds.FieldIdentifier, "It is a replica of other",
		},
		"Aurora": {
			func(c *cloud, _ *rds.FenceSpec) { c.get(east, "orders").Engine = aws.String("aurora-postgresql") },
			rds.KindUnsupported, rds.FieldIdentifier, "aurora-postgresql",
		},
		"a broken instance": {
			func(c *cloud, _ *rds.FenceSpec) { c.get(east, "orders").DBInstanceStatus = aws.String("stopped") },
			rds.KindNotReady, rds.FieldIdentifier, `"stopped"`,
		},
		"more groups than a tag can hold": {
			func(c *cloud, _ *rds.FenceSpec) {
				var ids []string
				for n := range 13 {
					ids = append(ids, fmt.Sprintf("sg-%017d", n))
				}
				wear(c.get(east, "orders"), ids...)
			},
			rds.KindFenceRecord, rds.FieldFenceGroups, "a tag has 256",
		},
		"an instance that is not there": {
			func(_ *cloud, s *rds.FenceSpec) { s.Identifier = "nothing" },
			rds.KindNotFound, rds.FieldIdentifier, "no DB instance",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				spec := fenced()
				test.prepare(c, &spec)
				a, err := c.service(east).AssessFence(t.Context(), spec)
				if err == nil {
					err = a.Err()
				}
				if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost
					err = joined.Unwrap()[0]
				}
				wantError(t, err, test.kind, test.field, test.text)
				_, err = ensureFence(t, c, spec)
				if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost
					err = joined.Unwrap()[0]
				}
				wantError(t, err, test.kind, test.field, test.text)
				wantChanges(t, c)
			})
		})
	}
}

func TestFenceAssessment(t *testing.T) {
	t.Parallel()
	peace := open()
	peace.WasFenced = false
	created := peace
	created.Creating, created.Original = true, nil
	bestEffort := fenced()
	bestEffort.Required = false
	allowed := fenced()
	allowed.AllowReplica = true
	replica := func(c *cloud) {
		c.get(east, "orders").ReadReplicaSourceDBInstanceIdentifier = aws.String("other")
	}
	leak := func(c *cloud) {
		c.net.groups[fenceGroup] = ec2types.SecurityGroup{GroupId: aws.String(fenceGroup), VpcId: aws.String("vpc-1"), IpPermissions: []ec2types.IpPermission{{}}}
	}
	for name, test := range map[string]struct {
		spec    rds.FenceSpec
		prepare func(*cloud)
		held    bool
		warns   []string
		refuses rds.Kind
	}{
		"to be fenced":            {spec: fenced(), warns: []string{"orders: will be cut off from all its clients (1 security groups replaced, one reboot)"}},
		"to be lifted":            {spec: open(), held: true, warns: []string{"orders: will be open to its clients again"}},
		"held":                    {spec: fenced(), held: true},
		"peace":                   {spec: peace},
		"peace, created":          {spec: created},
		"peace, a leaky group":    {spec: peace, prepare: leak, warns: []string{"orders: the fence is not fit for use"}},
		"created, a leaky group":  {spec: created, prepare: leak, refuses: rds.KindFenceGroups},
		"held, a leaky group":     {spec: fenced(), held: true, prepare: leak, warns: []string{"orders: the fence is not as it was left"}},
		"best-effort, leaky":      {spec: bestEffort, prepare: leak, warns: []string{"orders: could not be fenced in us-east-1 and may still be writing"}},
		"best-effort, silent":     {spec: bestEffort, prepare: func(c *cloud) { c.down(east) }, warns: []string{"orders: could not be fenced in us-east-1 and may still be writing"}},
		"a replica, allowed":      {spec: allowed, prepare: replica},
		"a replica in peace":      {spec: peace, prepare: replica},
		"a replica, just created": {spec: created, prepare: replica},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				if test.held {
					hold(t, c)
				}
				if test.prepare != nil {
					test.prepare(c)
				}
				a, err := c.service(east).AssessFence(t.Context(), test.spec)
				if err != nil || (test.refuses != "") != (a.Err() != nil) || test.refuses != "" && !rds.IsKind(a.Refusals[0], test.refuses) {
					t.Errorf("%v, %v", a.Err(), err)
				}
				var got []string
				for _, w := range a.Warnings {
					got = append(got, w.Summary)
				}
				if !slices.Equal(got, test.warns) {
					t.Errorf("warnings %q, want %q", got, test.warns)
				}
				wantChanges(t, c)
			})
		})
	}
	fencing(t, func(t *testing.T, c *cloud) {
		replica(c)
		out, err := ensureFence(t, c, allowed)
		if err != nil || out.Status.State != rds.FenceReplica || out.Status.Proof(east, "orders").String() != "open network us-east-1/orders" {
			t.Errorf("%+v, %v", out, err)
		}
		wantChanges(t, c)
	})
}
