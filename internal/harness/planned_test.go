// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// planned is a move away from a region that is well, behind a fence.
var planned = move{
	before: (*rig).planned,
	begin:  func(r *rig) { r.activate(scenario.StandbyRegion) },
	check: func(r *rig) {
		r.t.Helper()
		r.failedOver()
		r.fenced(scenario.PrimaryRegion, scenario.PrimaryID)
	},
}

// planned makes the configuration one for planned moves.
func (r *rig) planned() {
	r.Mode = "planned"
	r.Fence = map[string][]string{}
	for _, region := range members {
		r.Fence[region] = []string{scenario.FenceGroup(region)}
	}
}

// fenced checks that nobody gets to an instance any more, that it was rebooted
// once, and that its tag tells what is to be put back.
func (r *rig) fenced(region, id string) {
	r.t.Helper()
	db, err := r.s.RDS().Describe(engine.WorkloadAccount, region, id)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, g := range db.VpcSecurityGroups {
		if aws.ToString(g.VpcSecurityGroupId) != scenario.FenceGroup(region) || aws.ToString(g.Status) != "active" {
			r.t.Errorf("%s is in %s (%s)", id, aws.ToString(g.VpcSecurityGroupId), aws.ToString(g.Status))
		}
	}
	record := ""
	for _, t := range db.TagList {
		if aws.ToString(t.Key) == "dr:fence" {
			record = aws.ToString(t.Value)
		}
	}
	original := strings.TrimPrefix(scenario.DatabaseGroup(region), "sg-")
	if !strings.HasPrefix(record, "held ") || !strings.Contains(record, " "+original+" ") {
		r.t.Errorf("the fence's record is %q", record)
	}
	if n := r.effects("rds", "RebootDBInstance"); n != 1 {
		r.t.Errorf("%d reboots took effect, want 1", n)
	}
}

// TestPlannedCrashMatrix kills the provider before and after each call that
// changes a database in a planned move, the fence's included. What is read in
// between is cut in virtual time, in internal/rds; what follows the databases
// is cut in TestCrashMatrix.
func TestPlannedCrashMatrix(t *testing.T) {
	t.Parallel()
	for _, p := range points(planned.clean(t)) {
		if p.service != "rds" || p.poll || strings.HasPrefix(p.operation, "Describe") {
			continue
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			planned.crash(t, p, killProvider)
		})
	}
}

// TestFenceIsFinishedWhenTheRegionIsBack loses a region, fails over without its
// fence, and has the next apply make it when the region answers again.
func TestFenceIsFinishedWhenTheRegionIsBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.planned()
	r.Mode = "unplanned"
	r.RegionTimeout = "500ms"
	r.steady()
	r.lose(engine.Down)
	result := r.apply()
	if !strings.Contains(result.Output, "orders: could not be fenced in us-east-1 and may still be writing") {
		t.Errorf("does not warn of the writer:\n%s", result.Output)
	}
	r.failedOver()
	r.emptyPlan()
	if n := r.effects("rds", "ModifyDBInstance"); n != 0 {
		t.Errorf("%d modifications", n)
	}

	r.s.Engine().SetRegion(scenario.PrimaryRegion, engine.Up)
	plan := r.w.Plan(t.Context())
	for _, says := range []string{"orders-usw2 and orders: two writers at once", "orders: will be cut off from all its clients"} {
		if !strings.Contains(plan.Output, says) {
			t.Errorf("the plan does not say %q:\n%s", says, plan.Output)
		}
	}
	r.apply()
	r.failedOver()
	r.fenced(scenario.PrimaryRegion, scenario.PrimaryID)
	if plan := r.emptyPlan(); strings.Contains(plan.Output, "two writers") {
		t.Errorf("the plan sees two writers, of which one is fenced:\n%s", plan.Output)
	}

	// The commit is reverted: the old writer has old data, and stays fenced.
	r.activate(scenario.PrimaryRegion)
	r.refused("nothing shows that it was promoted")
	r.activate(scenario.StandbyRegion)
	r.emptyPlan()
}

// TestMergeByMistakeFencesNothing moves active_region although nothing is wrong:
// the promotion is refused at plan, and so the writer is not cut off.
func TestMergeByMistakeFencesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.planned()
	r.Mode = "unplanned"
	r.steady()
	r.activate(scenario.StandbyRegion)
	r.refused("orders in us-east-1", "healthy_source")
	r.activate(scenario.PrimaryRegion)
	r.emptyPlan()
}
