// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/drstate/terraform-provider-dr/internal/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func (w *rdsWorld) replication(id, region string) string {
	return w.provider("") + `
data "dr_replication_status" "orders" {
  db_instance_identifier = "` + id + `"
  region                 = "` + region + `"
}
`
}

func shows(values map[string]knownvalue.Check) (checks []statecheck.StateCheck) {
	for attribute, check := range values {
		checks = append(checks, statecheck.ExpectKnownValue("data.dr_replication_status.orders", tfjsonpath.New(attribute), check))
	}
	return checks
}

func text(s string) knownvalue.Check { return knownvalue.StringExact(s) }

func TestReplicationStatus(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	unknown := map[string]knownvalue.Check{
		"known": knownvalue.Bool(false), "role": text("unknown"), "status": text("unknown"), "replication_state": text("unknown"),
		"source": knownvalue.Null(), "lag_seconds": knownvalue.Null(), "lag_observed_at": knownvalue.Null(), "lag_age_seconds": knownvalue.Null(),
	}
	var fault *engine.ActiveFault
	deny := func(service string) func() {
		return func() {
			fault = w.Engine().AddFault(engine.Fault{
				Service: service, Kind: engine.FaultError, Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no"},
			})
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config: w.replication("orders-usw2", west),
				ConfigStateChecks: shows(map[string]knownvalue.Check{
					"known": knownvalue.Bool(true), "role": text("replica"), "status": text("available"), "replication_state": text("replicating"),
					"source": text("arn:aws:rds:us-east-1:111111111111:db:orders"), "lag_seconds": knownvalue.NotNull(),
					"lag_observed_at": knownvalue.NotNull(), "lag_age_seconds": knownvalue.NotNull(), "status_infos": knownvalue.ListSizeExact(1),
				}),
			},
			{
				Config: w.replication("orders", east),
				ConfigStateChecks: shows(map[string]knownvalue.Check{
					"known": knownvalue.Bool(true), "role": text("source"), "source": knownvalue.Null(), "lag_seconds": knownvalue.Null(),
				}),
			},
			{Config: w.replication("nothing", west), ExpectError: words(`us-west-2 has no DB instance "nothing"`)},
			{ // the lag alone is unknown
				PreConfig: deny("monitoring"),
				Config:    w.replication("orders-usw2", west),
				ConfigStateChecks: shows(map[string]knownvalue.Check{
					"known": knownvalue.Bool(false), "role": text("replica"), "lag_seconds": knownvalue.Null(), "lag_observed_at": knownvalue.Null(),
				}),
			},
			{
				PreConfig:         func() { fault.Remove(); deny("rds")() },
				Config:            w.replication("orders-usw2", west),
				ConfigStateChecks: shows(unknown),
			},
			{
				PreConfig:         func() { fault.Remove(); w.lose() },
				Config:            w.replication("orders", east),
				ConfigStateChecks: shows(unknown),
			},
		},
	})
}

func TestReplicaLagThatSaysNothingIsUnknown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, lag := range map[string]rds.Lag{
		"none":            {},
		"not replicating": {At: now, Seconds: -1, GoodAt: now.Add(-time.Minute), GoodSeconds: 2},
		"stale":           {At: now.Add(-6 * time.Minute), Seconds: 2, GoodAt: now.Add(-6 * time.Minute), GoodSeconds: 2},
	} {
		var m replicationStatusModel
		m.unknown()
		m.fromInstance(rds.Instance{Source: "orders"})
		m.fromLag(lag, now)
		if m.Known.ValueBool() || !m.LagSeconds.IsNull() || m.LagObservedAt.IsNull() != lag.At.IsZero() {
			t.Errorf("%s: %+v", name, m)
		}
		if whyUnknown(lag, nil) == "" {
			t.Errorf("%s: no reason given", name)
		}
	}
	var m replicationStatusModel
	m.fromLag(rds.Lag{At: now.Add(-time.Minute), Seconds: 2}, now)
	if m.LagSeconds.ValueFloat64() != 2 || m.LagAgeSeconds.ValueFloat64() != 60 {
		t.Errorf("a fresh datum: %+v", m)
	}
}
