// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// planAndApply is what a pull request and its merge do.
func (r *rig) planAndApply(ctx context.Context) (plan, apply Result) {
	r.t.Helper()
	plan = r.w.Plan(ctx, "-out=failover.tfplan")
	if plan.Code != 2 {
		r.t.Fatalf("plan ended with %d:\n%s", plan.Code, plan.Output)
	}
	apply = r.w.Apply(ctx, "failover.tfplan")
	if apply.Code != 0 {
		r.t.Fatalf("apply ended with %d:\n%s\ncalls:\n%s", apply.Code, apply.Output, r.calls())
	}
	return plan, apply
}

// TestBlackHole fails over from a region that answers nothing at all. The run
// may spend its budget there, and needs nothing from there. How long it takes is
// reported here and measured by tools/bench.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	healthy := newRig(t)
	healthy.steady()
	healthy.Accept = []string{"healthy_source"}
	healthy.activate(scenario.StandbyRegion)
	plan, apply := healthy.planAndApply(t.Context())

	r := newRig(t)
	r.steady()
	r.lose(engine.BlackHoled)
	// Without budgets each call would wait for minutes.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	holePlan, holeApply := r.planAndApply(ctx)
	r.failedOver()
	r.neededNothingFrom(scenario.PrimaryRegion)
	t.Logf("plan and apply: %v and %v with us-east-1 healthy, %v and %v with it black-holed",
		plan.Wall, apply.Wall, holePlan.Wall, holeApply.Wall)
	said := strings.Join(strings.Fields(strings.ReplaceAll(holePlan.Output, "│", " ")), " ")
	for _, want := range []string{"orders-usw2: promotion cannot be undone (estimated loss", "orders: source could not be reached and may still be writing"} {
		if !strings.Contains(said, want) {
			t.Errorf("the plan does not say %q:\n%s", want, holePlan.Output)
		}
	}
	// One warning of the old writer: it cannot be read, so nobody knows that it
	// is still one.
	for _, run := range []Result{holePlan, holeApply} {
		if !strings.Contains(run.Output, "orders: could not be read in us-east-1") || strings.Contains(run.Output, "orders: is a writer") {
			t.Errorf("not one warning of the old writer:\n%s", run.Output)
		}
	}
	r.emptyPlan()
}

// neededNothingFrom checks that no call to a region was answered or would have
// changed anything, and that there were few.
func (r *rig) neededNothingFrom(region string) {
	r.t.Helper()
	attempts := 0
	for _, c := range r.s.Engine().Calls() {
		if c.Region != region {
			continue
		}
		attempts++
		if c.Mutating || c.Status != 0 || c.Service == "sts" {
			r.t.Errorf("call %d needs the failed region: %s:%s (%s)", c.N, c.Service, c.Operation, c.Outcome)
		}
	}
	if attempts > 20 {
		r.t.Errorf("%d calls to a region that does not answer:\n%s", attempts, r.calls())
	}
}

// TestFailedRegions spares even the budget: nothing is asked there.
func TestFailedRegions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.FailedRegions = []string{scenario.PrimaryRegion}
	r.lose(engine.BlackHoled)
	r.apply()
	r.failedOver()
	for _, c := range r.s.Engine().Calls() {
		if c.Region == scenario.PrimaryRegion {
			t.Errorf("call %d goes to the failed region: %s:%s", c.N, c.Service, c.Operation)
		}
	}
}

// TestGlobalServicesDown loses Route 53's control plane with the region: the
// promotion goes through, the record says what is stuck, the next apply
// finishes.
func TestGlobalServicesDown(t *testing.T) {
	t.Parallel()
	for _, state := range []engine.RegionState{engine.Down, engine.BlackHoled} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.steady()
			r.s.Engine().SetRegion(engine.GlobalRegion, state)
			r.lose(state)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			stuck := r.w.Apply(ctx)
			if stuck.Code != 1 {
				t.Fatalf("apply ended with %d:\n%s", stuck.Code, stuck.Output)
			}
			r.promotedOnce()
			said := strings.Join(strings.Fields(strings.ReplaceAll(stuck.Output, "│", " ")), " ")
			for _, want := range []string{"app.example.com", "Route 53", "control plane"} {
				if !strings.Contains(said, want) {
					t.Errorf("the error does not say %q:\n%s", want, stuck.Output)
				}
			}
			if got, want := r.answer(), r.Addresses[scenario.PrimaryRegion]; got != want {
				t.Errorf("%s is %s, want %s", scenario.RecordName, got, want)
			}
			r.s.Engine().SetRegion(engine.GlobalRegion, engine.Up)
			r.apply()
			r.failedOver()
			r.emptyPlan()
		})
	}
}

// TestThrottled has the first calls of every operation throttled.
func TestThrottled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	for _, operation := range []string{
		"rds:DescribeDBInstances", "rds:PromoteReadReplica", "rds:AddTagsToResource", "monitoring:GetMetricData",
		"route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets", "route53:GetChange", "route53:GetHostedZone", "sts:AssumeRole",
	} {
		service, name, _ := strings.Cut(operation, ":")
		r.s.Engine().AddFault(engine.Fault{Service: service, Operation: name, Kind: engine.FaultThrottle, Times: 2})
	}
	r.lose(engine.Down)
	r.apply()
	throttled := 0
	for _, c := range r.s.Engine().Calls() {
		if c.Outcome == engine.OutcomeThrottled {
			throttled++
		}
	}
	if throttled < 10 {
		t.Errorf("only %d calls were throttled:\n%s", throttled, r.calls())
	}
	r.failedOver()
	r.emptyPlan()
}
