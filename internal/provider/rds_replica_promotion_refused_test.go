// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// TestPromotionIsRefused has what is wrong with a failover, and what is said of
// it. Nothing may change.
func TestPromotionIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(w *rdsWorld) error
		more    string
		promise string // of the error
	}{
		"healthy source": {more: limit, promise: `orders in us-east-1 answers and is available`},
		"healthy source, mode planned, no fence": {
			more: `mode = "planned"`, promise: `accept = ["unfenced_source"]`,
		},
		"source denied": {
			prepare: func(w *rdsWorld) error {
				w.Engine().AddFault(engine.Fault{
					Service: "rds", Operation: "DescribeDBInstances", Region: east, Kind: engine.FaultError,
					Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for rds:DescribeDBInstances"},
				})
				return nil
			},
			more: limit, promise: `no permission for rds:DescribeDBInstances (request id`,
		},
		"loss over the limit": {
			prepare: func(w *rdsWorld) error {
				err := w.RDS().SetLag(engine.WorkloadAccount, west, replicaID, 2*time.Hour)
				w.lose()
				return err
			},
			more: limit, promise: `the limit is 300 s`,
		},
		"no limit": {
			prepare: func(w *rdsWorld) error { w.lose(); return nil },
			promise: `Set max_estimated_loss, such as "300s"`,
		},
		"creating": {
			prepare: func(w *rdsWorld) error {
				w.lose()
				return w.RDS().SetStatus(engine.WorkloadAccount, west, replicaID, "creating")
			},
			more: limit, promise: `still being created`,
		},
		"storage full": {
			prepare: func(w *rdsWorld) error {
				w.lose()
				return w.RDS().SetStatus(engine.WorkloadAccount, west, replicaID, "storage-full")
			},
			more: limit, promise: `Its status is "storage-full"`,
		},
		"wrong region": {
			more: limit + "\nregion = \"us-east-1\"", promise: `us-east-1 has no DB instance "orders-usw2"`,
		},
		"denied": {
			prepare: func(w *rdsWorld) error {
				w.lose()
				w.Engine().AddFault(engine.Fault{
					Service: "rds", Operation: "DescribeDBInstances", Region: west, Kind: engine.FaultError,
					Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for rds:DescribeDBInstances"},
				})
				return nil
			},
			more: limit, promise: `Grant the caller the permission`,
		},
		"expired token": {
			prepare: func(w *rdsWorld) error {
				w.Engine().AddFault(engine.Fault{
					Service: "rds", Kind: engine.FaultError,
					Error: &engine.Error{Code: "ExpiredToken", Status: 403, Message: "The security token included in the request is expired"},
				})
				return nil
			},
			more: limit, promise: `Renew the credentials`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRDSWorld(t)
			if test.prepare != nil {
				if err := test.prepare(w); err != nil {
					t.Fatal(err)
				}
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: w.promotion(true, test.more), ExpectError: words(test.promise)}},
			})
			if err := w.changed(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPromotionWithUnknownLoss(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	// CloudWatch has nothing that it may tell.
	w.Engine().AddFault(engine.Fault{
		Service: "monitoring", Kind: engine.FaultError,
		Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for cloudwatch:GetMetricData"},
	})
	w.lose()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:      w.promotion(true, limit),
				ExpectError: words(`no permission for cloudwatch:GetMetricData`),
			},
			{
				Config:            w.promotion(true, limit+"\naccept = [\"unknown_loss\"]"),
				ConfigStateChecks: []statecheck.StateCheck{has("status", "writer"), is("estimated_loss_seconds", knownvalue.Null())},
				Check:             func(*terraform.State) error { return w.promotedTimes(1) },
			},
		},
	})
}

func TestPromotionConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, promise string }{
		"identifier":  {`db_instance_identifier = "Orders_1"`, `must be a DB instance identifier`},
		"limit":       {`max_estimated_loss = "5 minutes"`, `"5 minutes" is not a duration`},
		"lost at":     {`source_lost_at = "yesterday"`, `is not an RFC 3339 date and time`},
		"mode":        {`mode = "forced"`, `value must be one of`},
		"accept":      {`accept = ["anything"]`, `value must be one of`},
		"retention":   {`backup_retention_period = 36`, `must be between 0 and 35`},
		"window":      {`preferred_backup_window = "3am"`, `is not a daily window`},
		"region":      {`region = "oregon"`, `"oregon" is not a region`},
		"the timeout": {`timeouts = { update = "soon" }`, `soon`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := `db_instance_identifier = "orders-usw2"`
			if name == "identifier" {
				id = ""
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config:      "provider \"dr\" {\nregion = \"us-west-2\"\n}\nresource \"dr_rds_replica_promotion\" \"orders\" {\n" + id + "\npromoted = false\n" + test.config + "\n}\n",
					PlanOnly:    true,
					ExpectError: words(test.promise),
				}},
			})
		})
	}
}

// TestPlannedPromotionIsRefusedBeforeItsFence: a replica of which nobody can tell
// whether it catches up is no reason to cut its source off.
func TestPlannedPromotionIsRefusedBeforeItsFence(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	w.Engine().AddFault(engine.Fault{
		Service: "monitoring", Kind: engine.FaultError,
		Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no permission for cloudwatch:GetMetricData"},
	})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:      w.promotion(true, `mode = "planned"`+"\nfences = [dr_rds_network_fence.orders.proof]") + w.fenceOnly(true, ""),
			ExpectError: words(`ReplicaLag, which tells when, could not be read`),
		}},
	})
	if err := w.changed(); err != nil {
		t.Error(err)
	}
}
