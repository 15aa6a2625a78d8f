// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	awstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
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

const (
	readReplica = "dr_rds_read_replica.orders"
	unfenced    = `accept = ["unfenced_source"]`
	ordersARN   = "arn:aws:rds:us-east-1:111111111111:db:orders"
	usw2ARN     = "arn:aws:rds:us-west-2:111111111111:db:orders-usw2"
)

// readReplica is the configuration of the way home.
func (w *rdsWorld) readReplica(more string) string {
	return w.provider("") + fmt.Sprintf(`
resource "dr_rds_read_replica" "orders" {
  db_instance_identifier = "orders"
  region                 = "us-east-1"
  source                 = %q
  tags                   = { team = "orders" }
  %s
}
`, usw2ARN, more)
}

// promote does what a failover does to an instance, as somebody else would.
func (w *rdsWorld) promote(region, id, source string) func() {
	return w.with(func() error {
		_, tagErr := w.api(region).AddTagsToResource(w.t.Context(), &awsrds.AddTagsToResourceInput{
			ResourceName: aws.String("arn:aws:rds:" + region + ":111111111111:db:" + id),
			Tags:         []awstypes.Tag{{Key: aws.String(rds.PromotedFromTag), Value: &source}},
		})
		_, err := w.api(region).PromoteReadReplica(w.t.Context(), &awsrds.PromoteReadReplicaInput{
			DBInstanceIdentifier: &id, BackupRetentionPeriod: aws.Int32(7),
		})
		if err = errors.Join(tagErr, err); err != nil {
			return err
		}
		for range 500 {
			db, err := w.RDS().Describe(engine.WorkloadAccount, region, id)
			if err != nil || aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) == "" && aws.ToString(db.DBInstanceStatus) == "available" {
				w.Engine().ResetCalls()
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
		return errors.New(id + " was not promoted")
	})
}

func hasReplica(attribute, value string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(readReplica, tfjsonpath.New(attribute), knownvalue.StringExact(value))
}

func planReplica(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(readReplica, a)}}
}

// retiredToday is what orders is retired as; the test may run around midnight.
func retiredToday() *regexp.Regexp {
	now := time.Now().UTC()
	return regexp.MustCompile(fmt.Sprintf("^orders-retired-(%s|%s)$", now.Format("20060102"), now.Add(time.Hour).Format("20060102")))
}

func TestReadReplicaComesHome(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	var built string
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy: func(*terraform.State) error { // destroy only forgets
			_, err := w.RDS().Describe(engine.WorkloadAccount, east, "orders")
			return errors.Join(err, w.changed())
		},
		Steps: []resource.TestStep{
			{
				PreConfig:   w.promote(west, replicaID, ordersARN),
				Config:      w.readReplica(""),
				ExpectError: words("No fence of it is given"),
			},
			{
				PreConfig: func() {
					if err := w.changed(); err != nil {
						t.Error(err)
					}
				},
				Config:           w.readReplica(unfenced),
				ConfigPlanChecks: planReplica(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					hasReplica("id", "us-east-1/orders"), hasReplica("status", "replicating"), hasReplica("arn", ordersARN),
					statecheck.ExpectKnownValue(readReplica, tfjsonpath.New("retired_as"), knownvalue.StringRegexp(retiredToday())),
					statecheck.ExpectKnownValue(readReplica, tfjsonpath.New("endpoint"), knownvalue.StringRegexp(regexp.MustCompile(`^orders\.`))),
				},
				Check: func(s *terraform.State) error {
					attributes := s.RootModule().Resources[readReplica].Primary.Attributes
					built = attributes["resource_id"]
					old, err := w.RDS().Describe(engine.WorkloadAccount, east, attributes["retired_as"])
					if err != nil || aws.ToString(old.DbiResourceId) == built || !aws.ToBool(old.DeletionProtection) {
						return fmt.Errorf("the old writer: %+v, %w", old, err)
					}
					return w.changed("AddTagsToResource", "ModifyDBInstance", "CreateDBInstanceReadReplica")
				},
			},
			{Config: w.readReplica(unfenced), ConfigPlanChecks: emptyPlan},
			{ // what was accepted once need not stay
				PreConfig:        w.Engine().ResetCalls,
				Config:           w.readReplica(""),
				ConfigPlanChecks: planReplica(plancheck.ResourceActionUpdate),
				Check:            func(*terraform.State) error { return w.changed() },
			},
			{
				ResourceName: readReplica, ImportState: true, ImportStateId: "us-east-1/orders", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"tags.%", "tags.team", "accept.#", "accept.0", "retired_as"},
			},
			{
				PreConfig:        w.Engine().ResetCalls,
				Config:           w.readReplica("backup_retention_period = 3"),
				ConfigPlanChecks: planReplica(plancheck.ResourceActionUpdate),
				Check: func(*terraform.State) error {
					db, err := w.RDS().Describe(engine.WorkloadAccount, east, "orders")
					if err != nil || aws.ToInt32(db.BackupRetentionPeriod) != 3 {
						return fmt.Errorf("%+v, %w", db, err)
					}
					return w.changed("ModifyDBInstance")
				},
			},
			{ // its region is lost: nothing is known, nothing is planned
				PreConfig: w.lose, Config: w.readReplica("backup_retention_period = 3"), ConfigPlanChecks: emptyPlan,
			},
			{ // home: the replica is promoted, and is not built again
				PreConfig: func() {
					w.Engine().SetRegion(east, engine.Up)
					w.promote(east, "orders", usw2ARN)()
				},
				Config: w.readReplica("backup_retention_period = 3"), ConfigPlanChecks: emptyPlan,
			},
			{
				Config:            w.readReplica("backup_retention_period = 4"),
				ConfigPlanChecks:  planReplica(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{hasReplica("status", "promoted")},
				Check:             func(s *terraform.State) error { return errors.Join(w.is(s, built), w.changed()) },
			},
			{ // also when the state is lost
				Config: w.provider(""),
			},
			{
				Config:            w.readReplica(""),
				ConfigPlanChecks:  planReplica(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{hasReplica("status", "promoted")},
				Check:             func(s *terraform.State) error { return errors.Join(w.is(s, built), w.changed()) },
			},
		},
	})
}

// TestReadReplicaBehindAFence retires what a fence of the same apply holds. The
// fence, whose name a replica has afterwards, leaves nothing to plan.
func TestReadReplicaBehindAFence(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	config := w.readReplica("fences = [dr_rds_network_fence.orders.proof]") + fmt.Sprintf(`
resource "dr_rds_network_fence" "orders" {
  db_instance_identifier   = "orders"
  region                   = "us-east-1"
  fenced                   = true
  allow_replica            = true
  fence_security_group_ids = [%q]
}
`, scenario.FenceGroup(east))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				PreConfig:         w.promote(west, replicaID, ordersARN),
				Config:            config,
				ConfigPlanChecks:  planReplica(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{hasReplica("status", "replicating")},
				Check: func(s *terraform.State) error {
					groups, err := w.groups(east, s.RootModule().Resources[readReplica].Primary.Attributes["retired_as"])
					if err != nil || groups != scenario.FenceGroup(east) {
						return fmt.Errorf("the old writer is in %s, %w", groups, err)
					}
					if groups, err = w.groups(east, "orders"); err != nil || groups != scenario.DatabaseGroup(east) {
						return fmt.Errorf("the replica is in %s, %w", groups, err)
					}
					return w.changed("AddTagsToResource", "ModifyDBInstance", "AddTagsToResource", "RebootDBInstance", "AddTagsToResource", // the fence
						"AddTagsToResource", "ModifyDBInstance", "CreateDBInstanceReadReplica")
				},
			},
			{Config: config, ConfigPlanChecks: emptyPlan},
		},
	})
}

// groups that an instance is in.
func (w *rdsWorld) groups(region, id string) (string, error) {
	db, err := w.RDS().Describe(engine.WorkloadAccount, region, id)
	var ids []string
	for _, g := range db.VpcSecurityGroups {
		ids = append(ids, aws.ToString(g.VpcSecurityGroupId))
	}
	return strings.Join(ids, ", "), err
}

// TestReadReplicaIsAdoptedInPeacetime is a replica that was there before.
func TestReadReplicaIsAdoptedInPeacetime(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	config := strings.NewReplacer(`"orders"`+"\n  region                 = \"us-east-1\"", `"orders-usw2"`, usw2ARN, ordersARN).Replace(w.readReplica(""))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:           config,
				ConfigPlanChecks: planReplica(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					hasReplica("status", "replicating"), hasReplica("id", "us-west-2/orders-usw2"),
					statecheck.ExpectKnownValue(readReplica, tfjsonpath.New("retired_as"), knownvalue.Null()),
				},
				Check: func(*terraform.State) error { return w.changed() },
			},
			{PreConfig: w.lose, Config: config, ConfigPlanChecks: emptyPlan},
			{ // it is promoted while its source is out of reach
				PreConfig: w.promote(west, replicaID, ordersARN), Config: config, ConfigPlanChecks: emptyPlan,
			},
			{ // and is the old writer of the next turn
				PreConfig: w.with(func() error {
					w.Engine().SetRegion(east, engine.Up)
					_, err := w.api(east).AddTagsToResource(t.Context(), &awsrds.AddTagsToResourceInput{
						ResourceName: aws.String(ordersARN), Tags: []awstypes.Tag{
							{Key: aws.String(rds.PromotedFromTag), Value: aws.String(usw2ARN)},
							{Key: aws.String(rds.ReplicaOfTag), Value: w.resourceID(west, replicaID)},
						},
					})
					w.Engine().ResetCalls()
					return err
				}),
				Config: config, ExpectError: words("No fence of it is given"),
			},
			{
				Config:           strings.Replace(config, "tags ", unfenced+"\n  tags ", 1),
				ConfigPlanChecks: planReplica(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					hasReplica("status", "replicating"), hasReplica("source", ordersARN), hasReplica("id", "us-west-2/orders-usw2"),
				},
				Check: func(*terraform.State) error {
					return w.changed("AddTagsToResource", "ModifyDBInstance", "CreateDBInstanceReadReplica")
				},
			},
			{Config: config, Check: func(*terraform.State) error {
				return w.changed("AddTagsToResource", "ModifyDBInstance", "CreateDBInstanceReadReplica")
			}},
			{Config: config, ConfigPlanChecks: emptyPlan},
		},
	})
}

// is fails unless the replica in the state is the one that was built.
func (w *rdsWorld) is(s *terraform.State, built string) error {
	if id := s.RootModule().Resources[readReplica].Primary.Attributes["resource_id"]; id != built {
		return fmt.Errorf("built again: %s, not %s", id, built)
	}
	return nil
}

func (w *rdsWorld) resourceID(region, id string) *string {
	db, err := w.RDS().Describe(engine.WorkloadAccount, region, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return db.DbiResourceId
}

func TestReadReplicaIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(w *rdsWorld)
		more    string
		promise string
	}{
		"before the failover": {more: unfenced, promise: "the failover that would make it an old writer has not taken place"},
		"its region is down": {
			prepare: func(w *rdsWorld) { w.promote(west, replicaID, ordersARN)(); w.lose() }, more: unfenced, promise: "Check that us-east-1 is up",
		},
		"an unrelated writer": {prepare: func(w *rdsWorld) { w.promote(west, replicaID, ordersARN+"-2")() }, more: unfenced, promise: "nothing shows that"},
		"a fence that is open": {
			prepare: func(w *rdsWorld) { w.promote(west, replicaID, ordersARN)() },
			more:    `fences = ["open network us-east-1/orders"]`, promise: "Its fence is open",
		},
		"a fence that only says so": {
			prepare: func(w *rdsWorld) { w.promote(west, replicaID, ordersARN)() },
			more:    `fences = ["held network us-east-1/orders 2026-11-25T03:01:40Z"]`, promise: "does not bear it out",
		},
		"no proof":         {more: `fences = ["yes"]`, promise: "is not the proof of a fence"},
		"evidence by hand": {more: `tags = { "dr:replica-of" = "x" }`, promise: "are set by others"},
		"the same region":  {more: `region = "us-west-2"`, promise: "in the same region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRDSWorld(t)
			if test.prepare != nil {
				test.prepare(w)
			}
			config := w.readReplica(test.more)
			for _, given := range []string{`tags                   = { team = "orders" }`, `region                 = "us-east-1"`} {
				if name, _, _ := strings.Cut(given, " "); strings.HasPrefix(test.more, name+" ") {
					config = strings.Replace(config, given, "", 1)
				}
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: config, ExpectError: words(test.promise)}},
			})
			if err := w.changed(); err != nil {
				t.Error(err)
			}
			if _, err := w.RDS().Describe(engine.WorkloadAccount, east, scenario.PrimaryID); err != nil {
				t.Error(err)
			}
		})
	}
}
