// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"maps"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// refused applies, and checks that it changes nothing and says how to mean it.
func (r *rig) refused(says ...string) {
	r.t.Helper()
	before, address := r.promotions(), r.answer()
	r.s.Engine().ResetCalls()
	result := r.w.Apply(r.t.Context())
	if result.Code == 0 {
		r.t.Errorf("the apply goes through:\n%s", result.Output)
	}
	for _, c := range r.s.Engine().Calls() {
		if c.Mutating && c.Service != "sts" {
			r.t.Errorf("call %d changes something: %s:%s in %s (%s)", c.N, c.Service, c.Operation, c.Region, c.Outcome)
		}
	}
	if after := r.promotions(); !maps.Equal(after, before) {
		r.t.Errorf("promotions went from %v to %v", before, after)
	}
	if after := r.answer(); after != address {
		r.t.Errorf("%s went from %s to %s", scenario.RecordName, address, after)
	}
	said := strings.Join(strings.Fields(strings.ReplaceAll(result.Output, "│", " ")), " ")
	for _, want := range says {
		if !strings.Contains(said, want) {
			r.t.Errorf("the error does not say %q:\n%s", want, result.Output)
		}
	}
}

// TestMergeByMistake moves active_region while the source is healthy.
func TestMergeByMistake(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.activate(scenario.StandbyRegion)
	r.refused("orders in us-east-1", "healthy_source", `mode = "planned"`)

	// Reverted, it is as if nothing had been.
	r.activate(scenario.PrimaryRegion)
	r.emptyPlan()
}

// TestFreshWorkspace has no state, and a configuration that says failed over.
func TestFreshWorkspace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	seed := r.w
	r.activate(scenario.PrimaryRegion)
	r.apply() // the record exists, as it does in a real zone
	r.w = r.workspace("fresh")
	if r.w.Dir == seed.Dir {
		t.Fatal("not a fresh workspace")
	}
	r.activate(scenario.StandbyRegion)
	r.refused("orders in us-east-1", "healthy_source")
}

// TestRevertedCommit puts active_region back after a failover, when the old
// region is up again: its writer has old data, and traffic must stay away.
func TestRevertedCommit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.lose(engine.Down)
	r.apply()
	r.s.Engine().SetRegion(scenario.PrimaryRegion, engine.Up)
	r.activate(scenario.PrimaryRegion)
	r.refused("orders", "reprotect", "standalone_writer")

	// So is it while the region is still away.
	r.s.Engine().SetRegion(scenario.PrimaryRegion, engine.Down)
	r.refused("us-east-1")
}

// TestMeantAllTheSame promotes away from a healthy source, when it is said so.
func TestMeantAllTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.Accept = []string{"healthy_source"}
	r.activate(scenario.StandbyRegion)
	r.apply()
	r.failedOver()
	r.emptyPlan()
}

// TestRevertedHalfway gives a failover up after it has failed in the middle: the
// old writer, which is no longer wanted by then, still has its replica, and is
// taken up again.
func TestRevertedHalfway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.w.Run(t.Context(), "refresh") // as any plan in peacetime does
	r.Accept = []string{"healthy_source"}
	denied := r.s.Engine().AddFault(engine.Fault{Service: "rds", Operation: "PromoteReadReplica", Kind: engine.FaultError, Error: &engine.Error{
		Code: "AccessDenied", Status: 403, Message: "User is not authorized to perform rds:PromoteReadReplica",
	}})
	r.activate(scenario.StandbyRegion)
	if result := r.w.Apply(t.Context()); result.Code == 0 {
		t.Fatalf("the apply goes through:\n%s", result.Output)
	}
	denied.Remove()
	r.Accept = []string{}
	r.activate(scenario.PrimaryRegion)
	r.apply()
	if got := r.promotions(); len(got) != 0 {
		t.Errorf("promotions that took effect: %v", got)
	}
	r.emptyPlan()
}
