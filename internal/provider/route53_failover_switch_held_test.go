// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// The region that serves is lost, and clients go back to the primary: by Route
// 53's API, and for good. When the region is back it is a switch again.
func TestSwitchBackFromALostStandby(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]string{"alarm": alarmTrigger, "object": objectTrigger} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSwitchWorld(t)
			steps := []resource.TestStep{
				{Config: w.switched("us-east-1", trigger)},
				{Config: w.switched("us-west-2", trigger), Check: w.answers(t, westIP)},
				{ // and the plan after it is empty
					PreConfig: func() {
						w.Engine().SetRegion("us-west-2", engine.Down)
						w.Engine().ResetCalls()
					},
					Config:            w.switched("us-east-1", trigger),
					ConfigPlanChecks:  switchPlan(plancheck.ResourceActionUpdate),
					ConfigStateChecks: switchState("us-east-1", "held"),
					Check:             resource.ComposeTestCheckFunc(w.answers(t, eastIP), w.changedOnly("ChangeResourceRecordSets in "+engine.GlobalRegion)),
				},
				{ // the region's return is seen
					PreConfig:          func() { w.Engine().SetRegion("us-west-2", engine.Up) },
					Config:             w.switched("us-east-1", trigger),
					PlanOnly:           true,
					ExpectNonEmptyPlan: true,
				},
			}
			// That of an alarm takes minutes of the clock: the domain's tests have it.
			if trigger == objectTrigger {
				steps = append(steps,
					resource.TestStep{
						Config:            w.switched("us-east-1", trigger),
						ConfigPlanChecks:  switchPlan(plancheck.ResourceActionUpdate),
						ConfigStateChecks: switchState("us-east-1", "ready"),
						Check:             w.answers(t, eastIP),
					},
					resource.TestStep{
						Config:            w.switched("us-west-2", trigger),
						ConfigStateChecks: switchState("us-west-2", "ready"),
						Check:             w.answers(t, westIP),
					})
			}
			resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
		})
	}
}

// DNS that came back to the primary by itself is not done: the object is there.
func TestSwitchWhoseObjectIsLost(t *testing.T) {
	t.Parallel()
	w := newSwitchWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.switched("us-east-1", objectTrigger)},
			{Config: w.switched("us-west-2", objectTrigger), Check: w.answers(t, westIP)},
			{
				PreConfig: func() {
					w.Engine().SetRegion("us-west-2", engine.Down)
					w.awaitAnswer(t, eastIP)
				},
				Config:            w.switched("us-east-1", objectTrigger),
				ConfigPlanChecks:  switchPlan(plancheck.ResourceActionUpdate),
				ConfigStateChecks: switchState("us-east-1", "held"),
				Check:             w.answers(t, eastIP),
			},
		},
	})
}

// awaitAnswer waits until DNS answers with an address.
func (w *dnsWorld) awaitAnswer(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); w.answers(t, want)(nil) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("DNS never answers %s", want)
		}
	}
}

// With the state lost and Route 53's API gone the switch cannot be adopted; both
// the plan and the error have the call that throws a prepared one.
func TestSwitchWithoutItsState(t *testing.T) {
	t.Parallel()
	w := newSwitchWorld(t)
	w.Engine().SetRegion(engine.GlobalRegion, engine.Down)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:      w.switched("us-west-2", alarmTrigger),
			ExpectError: words("aws cloudwatch put-metric-data --region us-west-2 --namespace DR/Switch"),
		}},
	})
	if got := w.mutated(); len(got) > 0 {
		t.Errorf("changed by %v", got)
	}
}
