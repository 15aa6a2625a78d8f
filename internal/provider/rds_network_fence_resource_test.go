// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/drstate/terraform-provider-dr/internal/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

const networkFence = "dr_rds_network_fence.orders"

// fence is the configuration of the primary's fence.
func (w *rdsWorld) fence(fenced bool, more string) string {
	return w.provider("") + w.fenceOnly(fenced, more)
}

func (w *rdsWorld) fenceOnly(fenced bool, more string) string {
	return fmt.Sprintf(`
resource "dr_rds_network_fence" "orders" {
  db_instance_identifier   = "orders"
  region                   = "us-east-1"
  fenced                   = %t
  fence_security_group_ids = [%q]
  %s
}
`, fenced, scenario.FenceGroup(east), more)
}

// primary is the fenced instance as it is: its groups and its fence's phase.
func (w *rdsWorld) primary(groups, phase string) error {
	db, err := w.RDS().Describe(engine.WorkloadAccount, east, scenario.PrimaryID)
	if err != nil {
		return err
	}
	var got []string
	for _, g := range db.VpcSecurityGroups {
		got = append(got, aws.ToString(g.VpcSecurityGroupId)+" "+aws.ToString(g.Status))
	}
	tag := "none"
	for _, t := range db.TagList {
		if aws.ToString(t.Key) == rds.FenceTag {
			tag, _, _ = strings.Cut(aws.ToString(t.Value), " ")
		}
	}
	if strings.Join(got, ", ") != groups+" active" || tag != phase {
		return fmt.Errorf("orders is in %q, phase %s; want %s, phase %s", got, tag, groups, phase)
	}
	return nil
}

func fenceHas(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(networkFence, tfjsonpath.New(attribute), check)
}

func fenceAction(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(networkFence, a)}}
}

var fenceCalls = []string{"AddTagsToResource", "ModifyDBInstance", "AddTagsToResource", "RebootDBInstance", "AddTagsToResource"}

func TestNetworkFence(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	open, shut := scenario.DatabaseGroup(east), scenario.FenceGroup(east)
	original := knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact(open)})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{ // peacetime
				Config:           w.fence(false, ""),
				ConfigPlanChecks: fenceAction(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					fenceHas("id", knownvalue.StringExact("us-east-1/orders")), fenceHas("status", knownvalue.StringExact("open")),
					fenceHas("proof", knownvalue.StringExact("open network us-east-1/orders")), fenceHas("original_security_group_ids", original),
					fenceHas("fenced_since", knownvalue.Null()), fenceHas("required", knownvalue.Bool(true)),
				},
				Check: func(*terraform.State) error { return w.changed() },
			},
			{Config: w.fence(false, ""), ConfigPlanChecks: emptyPlan},
			{ // a fence
				Config: w.fence(true, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(networkFence, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(networkFence, tfjsonpath.New("proof")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					fenceHas("status", knownvalue.StringExact("fenced")), fenceHas("original_security_group_ids", original),
					fenceHas("proof", knownvalue.StringRegexp(regexp.MustCompile(`^held network us-east-1/orders \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))),
					fenceHas("fenced_since", knownvalue.NotNull()),
				},
				Check: func(*terraform.State) error { return errors.Join(w.primary(shut, "held"), w.changed(fenceCalls...)) },
			},
			{Config: w.fence(true, ""), ConfigPlanChecks: emptyPlan},
			{
				ResourceName: networkFence, ImportState: true, ImportStateId: "us-east-1/orders", ImportStateVerify: true,
			},
			{ // already so: nothing is asked for
				PreConfig:        w.Engine().ResetCalls,
				Config:           w.fence(true, `required = false`),
				ConfigPlanChecks: fenceAction(plancheck.ResourceActionUpdate),
				Check:            func(*terraform.State) error { return w.changed() },
			},
			{ // the state is lost: the tag tells
				Config: w.provider(""),
			},
			{
				Config:            w.fence(true, ""),
				ConfigPlanChecks:  fenceAction(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{fenceHas("status", knownvalue.StringExact("fenced")), fenceHas("original_security_group_ids", original)},
				Check:             func(*terraform.State) error { return w.changed() },
			},
			{ // lifted
				Config:            w.fence(false, ""),
				ConfigPlanChecks:  fenceAction(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{fenceHas("status", knownvalue.StringExact("open")), fenceHas("original_security_group_ids", original)},
				Check: func(*terraform.State) error {
					return errors.Join(w.primary(open, "none"), w.changed("AddTagsToResource", "ModifyDBInstance", "RemoveTagsFromResource"))
				},
			},
			{Config: w.fence(false, ""), ConfigPlanChecks: emptyPlan},
		},
		// Destroy only forgets.
		CheckDestroy: func(*terraform.State) error { return w.primary(open, "none") },
	})
}

// TestNetworkFenceDrift is what others do meanwhile: it shows, and is not undone
// by a look.
func TestNetworkFenceDrift(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	open, shut := scenario.DatabaseGroup(east), scenario.FenceGroup(east)
	wear := func(group string) func() {
		return w.with(func() error {
			_, err := w.api(east).ModifyDBInstance(t.Context(), &awsrds.ModifyDBInstanceInput{
				DBInstanceIdentifier: aws.String("orders"), VpcSecurityGroupIds: []string{group},
			})
			for err == nil && w.primary(group, "held") != nil {
				time.Sleep(10 * time.Millisecond)
			}
			w.Engine().ResetCalls()
			return err
		})
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.fence(true, "")},
			{
				PreConfig: wear(open), Config: w.fence(true, ""), PlanOnly: true, ExpectNonEmptyPlan: true,
			},
			{
				Config: w.fence(true, ""),
				Check:  func(*terraform.State) error { return errors.Join(w.primary(shut, "held"), w.changed(fenceCalls...)) },
			},
			{ // without the tag the state still knows what is to be put back
				PreConfig: w.with(func() error {
					db, err := w.RDS().Describe(engine.WorkloadAccount, east, scenario.PrimaryID)
					if err != nil {
						return err
					}
					_, err = w.api(east).RemoveTagsFromResource(t.Context(), &awsrds.RemoveTagsFromResourceInput{
						ResourceName: db.DBInstanceArn, TagKeys: []string{rds.FenceTag},
					})
					return err
				}),
				Config: w.fence(false, ""),
				Check:  func(*terraform.State) error { return w.primary(open, "none") },
			},
			{Config: w.fence(false, ""), ConfigPlanChecks: emptyPlan},
		},
	})
}

// TestNetworkFenceOfALostRegion is best-effort first, and finished later.
func TestNetworkFenceOfALostRegion(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.fence(false, `required = false`)},
			{
				PreConfig:   w.lose,
				Config:      w.fence(true, ""),
				ExpectError: words(`us-east-1 gave no answer within 1s`),
			},
			{
				Config: w.fence(true, `required = false`),
				ConfigStateChecks: []statecheck.StateCheck{
					fenceHas("status", knownvalue.StringExact("unreached")), fenceHas("fenced", knownvalue.Bool(true)),
					fenceHas("proof", knownvalue.StringExact("unreached network us-east-1/orders")),
				},
				Check: func(*terraform.State) error { return w.changed() },
			},
			{Config: w.fence(true, `required = false`), ConfigPlanChecks: emptyPlan},
			{ // it answers again: what is not done shows, and is done
				PreConfig:         func() { w.Engine().SetRegion(east, engine.Up) },
				Config:            w.fence(true, `required = false`),
				ConfigPlanChecks:  fenceAction(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{fenceHas("status", knownvalue.StringExact("fenced"))},
				Check:             func(*terraform.State) error { return w.primary(scenario.FenceGroup(east), "held") },
			},
			{ // settled: a region that is lost again holds nothing up
				PreConfig: w.lose, Config: w.fence(true, `required = false`), ConfigPlanChecks: emptyPlan,
			},
		},
	})
}

func TestNetworkFenceIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config  func(w *rdsWorld) string
		fault   *engine.Fault
		promise string
		changes []string
	}{
		"a replica": {
			config: func(w *rdsWorld) string {
				return w.provider("") + fmt.Sprintf("resource \"dr_rds_network_fence\" \"orders\" {\ndb_instance_identifier = \"orders-usw2\"\nfenced = true\nfence_security_group_ids = [%q]\n}\n", scenario.FenceGroup(west))
			},
			promise: `It is a replica of arn:aws:rds:us-east-1:111111111111:db:orders`,
		},
		"a group that is missing": {
			config: func(w *rdsWorld) string {
				return strings.ReplaceAll(w.fence(false, ""), scenario.FenceGroup(east), "sg-00000000000000000")
			},
			promise: `us-east-1 has no security group sg-00000000000000000`,
		},
		"a group that lets clients in": {
			config: func(w *rdsWorld) string {
				return strings.ReplaceAll(w.fence(true, ""), scenario.FenceGroup(east), scenario.DatabaseGroup(east))
			},
			promise: `has 1 ingress rules`,
		},
		"no such instance": {
			config: func(w *rdsWorld) string {
				return strings.ReplaceAll(w.fence(true, ""), `"orders"`+"\n  region", `"nothing"`+"\n  region")
			},
			promise: `us-east-1 has no DB instance "nothing"`,
		},
		"not a group's id": {
			config: func(w *rdsWorld) string {
				return strings.ReplaceAll(w.fence(true, ""), scenario.FenceGroup(east), "orders-fence")
			},
			promise: `must be the id of a security group`,
		},
		"denied at the reboot": {
			config: func(w *rdsWorld) string { return w.fence(true, "") },
			fault: &engine.Fault{Service: "rds", Operation: "RebootDBInstance", Kind: engine.FaultError,
				Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for rds:RebootDBInstance"}},
			promise: `sessions that were open may still write`,
			changes: fenceCalls[:4],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRDSWorld(t)
			if test.fault != nil {
				w.Engine().AddFault(*test.fault)
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: test.config(w), ExpectError: words(test.promise)}},
			})
			if got := w.mutations(); !slices.Equal(got, test.changes) {
				t.Errorf("changing calls %q, want %q", got, test.changes)
			}
		})
	}
}

// TestPlannedPromotionBehindAFence moves with nothing lost, in one apply.
func TestPlannedPromotionBehindAFence(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	config := func(moved bool, more string) string {
		return w.promotion(moved, `mode = "planned"`+"\nfences = [dr_rds_network_fence.orders.proof]") + w.fenceOnly(moved, more)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config(false, "")},
			{Config: config(false, ""), ConfigPlanChecks: emptyPlan},
			{ // a proof that says no
				Config:      w.promotion(true, `mode = "planned"`+"\nfences = [dr_rds_network_fence.orders.proof]") + w.fenceOnly(false, ""),
				ExpectError: words(`"open network us-east-1/orders" is not a fence of us-east-1/orders that holds`),
			},
			{ // nor one that only says so
				Config:      w.promotion(true, `mode = "planned"`+"\nfences = [\"held network us-east-1/orders 2026-11-25T03:01:40Z\"]") + w.fenceOnly(false, ""),
				ExpectError: words(`orders is not fenced as`),
			},
			{
				PreConfig: w.Engine().ResetCalls,
				Config:    config(true, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(promotion, plancheck.ResourceActionUpdate),
					plancheck.ExpectResourceAction(networkFence, plancheck.ResourceActionUpdate),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					has("status", "writer"), is("estimated_loss_seconds", knownvalue.Float64Exact(0)),
					fenceHas("status", knownvalue.StringExact("fenced")),
				},
				Check: func(*terraform.State) error {
					return errors.Join(w.promotedTimes(1), w.changed(append(slices.Clone(fenceCalls), "AddTagsToResource", "PromoteReadReplica")...))
				},
			},
			{Config: config(true, ""), ConfigPlanChecks: emptyPlan},
		},
	})
}
