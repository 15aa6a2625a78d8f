// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"regexp"
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

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const limit = `max_estimated_loss = "300s"`

func has(attribute, value string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(promotion, tfjsonpath.New(attribute), knownvalue.StringExact(value))
}

func is(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(promotion, tfjsonpath.New(attribute), check)
}

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(promotion, a)}}
}

var emptyPlan = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}

func TestPromotionFailsOver(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy: func(*terraform.State) error { // destroy only forgets
			db, err := w.RDS().Describe(engine.WorkloadAccount, west, replicaID)
			if err != nil || aws.ToString(db.DBInstanceStatus) != "available" {
				return fmt.Errorf("after destroy: %s, %w", aws.ToString(db.DBInstanceStatus), err)
			}
			return w.promotedTimes(1)
		},
		Steps: []resource.TestStep{
			{ // peacetime
				Config:           w.promotion(false, limit),
				ConfigPlanChecks: action(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					has("id", "us-west-2/orders-usw2"), has("region", west), has("status", "replicating"), has("mode", "unplanned"),
					has("source", "arn:aws:rds:us-east-1:111111111111:db:orders"),
					is("port", knownvalue.Int32Exact(5432)), is("endpoint", knownvalue.NotNull()), is("resource_id", knownvalue.NotNull()),
					is("promoted_at", knownvalue.Null()), is("estimated_loss_seconds", knownvalue.Null()),
				},
				Check: func(*terraform.State) error { return w.changed() },
			},
			{
				ResourceName: promotion, ImportState: true, ImportStateId: "us-west-2/orders-usw2", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"replica_lag_seconds", "max_estimated_loss", "backup_retention_period"},
			},
			{ // the region is lost
				PreConfig: w.lose,
				Config:    w.promotion(true, limit),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(promotion, plancheck.ResourceActionUpdate),
					// DNS plans concretely …
					plancheck.ExpectKnownValue(promotion, tfjsonpath.New("endpoint"), knownvalue.NotNull()),
					plancheck.ExpectKnownValue(promotion, tfjsonpath.New("arn"), knownvalue.NotNull()),
					// … and what is measured is not planned.
					plancheck.ExpectUnknownValue(promotion, tfjsonpath.New("estimated_loss_seconds")),
					plancheck.ExpectUnknownValue(promotion, tfjsonpath.New("replica_lag_seconds")),
					plancheck.ExpectUnknownValue(promotion, tfjsonpath.New("status")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					has("status", "writer"), has("source", "arn:aws:rds:us-east-1:111111111111:db:orders"),
					is("promoted_at", knownvalue.NotNull()), is("estimated_loss_seconds", knownvalue.NotNull()),
				},
				Check: func(*terraform.State) error {
					db, err := w.RDS().Describe(engine.WorkloadAccount, west, replicaID)
					if err != nil || aws.ToInt32(db.BackupRetentionPeriod) != 7 || db.ReadReplicaSourceDBInstanceIdentifier != nil {
						return fmt.Errorf("%+v, %w", db, err)
					}
					return errors.Join(w.promotedTimes(1), w.changed("AddTagsToResource", "PromoteReadReplica"))
				},
			},
			{
				Config:           w.promotion(true, limit),
				ConfigPlanChecks: emptyPlan,
			},
			{ // a change beside it asks nothing of the settled writer
				PreConfig:         w.Engine().ResetCalls,
				Config:            w.promotion(true, `max_estimated_loss = "1s"`),
				ConfigPlanChecks:  action(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), is("promoted_at", knownvalue.NotNull())},
				Check:             func(*terraform.State) error { return w.changed() },
			},
			{
				ResourceName: promotion, ImportState: true, ImportStateId: "us-west-2/orders-usw2", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source", "promoted_at", "estimated_loss_seconds", "max_estimated_loss", "backup_retention_period"},
			},
			{ // no longer wanted: nothing is demoted
				Config:            w.promotion(false, limit),
				ConfigPlanChecks:  action(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "needs_reprotection"), is("source", knownvalue.Null())},
				Check:             func(*terraform.State) error { return w.changed() },
			},
			{ // and the old writer is not taken for a promoted replica
				Config:      w.promotion(true, limit),
				ExpectError: words(`nothing shows that it was promoted`),
			},
			{
				Config:            w.promotion(true, limit+"\naccept = [\"standalone_writer\"]"),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer")},
				Check:             func(*terraform.State) error { return w.changed() },
			},
		},
	})
}

func TestPromotionAdoptsTheSteadyState(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	config := w.provider("") + `
resource "dr_rds_replica_promotion" "orders" {
  db_instance_identifier = "orders"
  region                 = "us-east-1"
  promoted               = true
}
`
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            config,
				ConfigPlanChecks:  action(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), is("promoted_at", knownvalue.Null())},
				Check:             func(*terraform.State) error { return w.changed() },
			},
			{ // with its region lost, the last known state is kept
				PreConfig:        w.lose,
				Config:           config,
				ConfigPlanChecks: emptyPlan,
			},
			{ // and giving it up needs no answer
				Config:            regexp.MustCompile(`true`).ReplaceAllString(config, `false`),
				ConfigPlanChecks:  action(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "unknown"), is("endpoint", knownvalue.NotNull())},
			},
		},
	})
}

func TestPromotionOnCreate(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	w.lose()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            w.promotion(true, limit),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), is("promoted_at", knownvalue.NotNull())},
				Check:             func(*terraform.State) error { return w.promotedTimes(1) },
			},
			{ // the state is lost: the tag tells
				PreConfig: w.Engine().ResetCalls,
				Config:    w.provider(""),
			},
			{
				Config:            w.promotion(true, ""),
				ConfigPlanChecks:  action(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer")},
				Check:             func(*terraform.State) error { return w.changed() },
			},
			{ // it disappears
				PreConfig: w.with(func() error {
					_, err := w.api(west).DeleteDBInstance(t.Context(), &awsrds.DeleteDBInstanceInput{
						DBInstanceIdentifier: aws.String(replicaID), SkipFinalSnapshot: aws.Bool(true),
					})
					for gone := err; gone == nil; time.Sleep(20 * time.Millisecond) {
						_, gone = w.RDS().Describe(engine.WorkloadAccount, west, replicaID)
					}
					return err
				}),
				Config:             w.promotion(true, ""),
				PlanOnly:           true,
				ExpectNonEmptyPlan: true,
			},
			{
				Config:      w.promotion(true, ""),
				ExpectError: words(`us-west-2 has no DB instance "orders-usw2"`),
			},
		},
	})
}

func TestPromotionTimesOutAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newSlowRDSWorld(t, 25)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.promotion(false, limit)},
			{
				PreConfig:   w.lose,
				Config:      w.promotion(true, limit+"\ntimeouts = { update = \"3s\" }"),
				ExpectError: words(`RDS has accepted the promotion`),
			},
			{ // what is not done shows, and is finished by the next apply
				Config:            w.promotion(true, limit),
				ConfigPlanChecks:  action(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), is("promoted_at", knownvalue.NotNull())},
				Check:             func(*terraform.State) error { return w.promotedTimes(1) },
			},
			{Config: w.promotion(true, limit), ConfigPlanChecks: emptyPlan},
		},
	})
}

func TestPromotionDeniedAtTheCall(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	var fault *engine.ActiveFault
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.promotion(false, limit)},
			{
				PreConfig: func() {
					w.lose()
					fault = w.Engine().AddFault(engine.Fault{
						Service: "rds", Operation: "PromoteReadReplica", Kind: engine.FaultError,
						Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for rds:PromoteReadReplica"},
					})
				},
				Config:      w.promotion(true, limit),
				ExpectError: words(`no permission for rds:PromoteReadReplica (request id`),
			},
			{
				PreConfig: func() {
					fault.Remove()
					// A busy region, besides.
					w.Engine().AddFault(engine.Fault{Service: "rds", Region: west, Kind: engine.FaultThrottle, Times: 4})
				},
				Config:            w.promotion(true, limit),
				ConfigPlanChecks:  action(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer")},
				Check:             func(*terraform.State) error { return w.promotedTimes(1) },
			},
		},
	})
}

func TestPromotionWithUnknownInputs(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	w.lose()
	config := w.provider("") + `
resource "terraform_data" "input" {
  input = { id = "orders-usw2", promoted = true, limit = "300s", accept = ["unknown_loss"] }
}

resource "dr_rds_replica_promotion" "orders" {
  db_instance_identifier  = terraform_data.input.output.id
  promoted                = terraform_data.input.output.promoted
  max_estimated_loss      = terraform_data.input.output.limit
  accept                  = terraform_data.input.output.accept
}
`
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            config,
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(promotion, tfjsonpath.New("id"))}},
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), has("id", "us-west-2/orders-usw2")},
			},
			{Config: config, ConfigPlanChecks: emptyPlan},
		},
	})
}

func TestPromotionWithABlackHoledSource(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	start := time.Now()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.promotion(false, limit)},
			{
				PreConfig: func() {
					w.Engine().SetRegion(east, engine.BlackHoled)
					w.Engine().ResetCalls()
					start = time.Now()
				},
				Config:            w.promotion(true, limit),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer")},
				Check: func(*terraform.State) error {
					for _, c := range w.Engine().Calls() {
						if c.Region == east && c.Operation != "DescribeDBInstances" {
							return fmt.Errorf("called %s in the lost region", c.Operation)
						}
					}
					// Refresh, plan and apply are three budgets of a second; the
					// rest is Terraform's own, on a machine that may be busy.
					if took := time.Since(start); took > 30*time.Second {
						return fmt.Errorf("took %s", took)
					}
					return w.promotedTimes(1)
				},
			},
		},
	})
}
