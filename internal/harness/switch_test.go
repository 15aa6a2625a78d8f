// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"slices"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// switchRig is a rig whose record moves by a health check.
func switchRig(t testing.TB) *rig {
	t.Helper()
	r := newRig(t)
	r.Switch = "health_check"
	r.activate(scenario.PrimaryRegion)
	return r
}

// answers checks where the name leads, and that a second plan is empty.
func (r *rig) answers(region string) {
	r.t.Helper()
	if got, want := r.answer(), r.Addresses[region]; got != want {
		r.t.Errorf("%s is %s, want %s", scenario.RecordName, got, want)
	}
	s, err := r.w.Attributes("dr_route53_failover_switch", "this")
	if err != nil {
		r.t.Fatal(err)
	}
	if s["active"] != region || s["status"] != "ready" {
		r.t.Errorf("the switch in the state: active %v, status %v", s["active"], s["status"])
	}
	r.emptyPlan()
}

// TestSwitchWithoutControlPlane fails over with us-east-1 and Route 53's API
// gone: in one apply, of whose calls none that mattered went there.
func TestSwitchWithoutControlPlane(t *testing.T) {
	t.Parallel()
	for _, state := range []engine.RegionState{engine.Down, engine.BlackHoled} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := switchRig(t)
			r.apply()
			r.s.Engine().ResetCalls()
			r.s.Engine().SetRegion(engine.GlobalRegion, state)
			r.lose(state)
			if plan := r.w.Plan(t.Context()); strings.Contains(plan.Output, "needs Route 53's control plane") {
				t.Errorf("the plan says that it needs what is gone:\n%s", plan.Output)
			}
			r.apply()
			r.promotedOnce()
			r.answers(scenario.StandbyRegion)
			for _, c := range r.s.Engine().Calls() {
				if c.TookEffect && c.Region != scenario.StandbyRegion {
					t.Errorf("%s:%s took effect in %s", c.Service, c.Operation, c.Region)
				}
			}
			if n := r.effects("monitoring", "PutMetricData"); n == 0 {
				t.Error("no datum moved the name")
			}
		})
	}
}

// TestSwitchCrashes cuts the preparation, and then the failover, at every call
// of the switch. One further apply finishes either; DNS never leaves the primary
// while nobody asks for it.
func TestSwitchCrashes(t *testing.T) {
	t.Parallel()
	of := func(r *rig) []point {
		return slices.DeleteFunc(points(r.s.Engine().Calls()), func(p point) bool { return p.service != "route53" && p.service != "monitoring" })
	}
	clean := switchRig(t)
	clean.apply()
	preparing := of(clean)
	clean.s.Engine().ResetCalls()
	clean.lose(engine.Down)
	clean.apply()
	throwing := of(clean)
	t.Logf("cutting the preparation at %v, the failover at %v", preparing, throwing)
	for _, p := range preparing {
		t.Run("preparing/"+p.String(), func(t *testing.T) {
			t.Parallel()
			r := switchRig(t)
			r.cutAt(p, killProvider)
			r.apply()
			r.answers(scenario.PrimaryRegion)
		})
	}
	for _, p := range throwing {
		t.Run("throwing/"+p.String(), func(t *testing.T) {
			t.Parallel()
			r := switchRig(t)
			r.apply()
			r.s.Engine().ResetCalls()
			r.lose(engine.Down)
			r.cutAt(p, killProvider)
			r.apply()
			r.promotedOnce()
			r.answers(scenario.StandbyRegion)
		})
	}
}

// TestPlanNamesControlPlanes has a record's move say what it needs, once.
func TestPlanNamesControlPlanes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.lose(engine.Down)
	plan := r.w.Plan(t.Context())
	if n := strings.Count(plan.Output, "Warning: This plan needs Route 53's control plane, in us-east-1"); n != 1 {
		t.Errorf("the plan says %d times that it needs Route 53's control plane:\n%s", n, plan.Output)
	}
}
