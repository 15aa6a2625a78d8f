// SPDX-License-Identifier: MPL-2.0

// Package test rehearses the loss of a region in CI, without an AWS account. It
// is meant to be copied: replace the example by your own configuration, and say
// in sandboxOverride where your application answers in the sandbox.
//
// The checks ask the database and the DNS server. What Terraform says of itself
// (outputs, the state) proves nothing about what a customer sees.
package test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gruntwork-io/terratest/modules/terraform"
	teststructure "github.com/gruntwork-io/terratest/modules/test-structure"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

const (
	primary = scenario.PrimaryRegion
	standby = scenario.StandbyRegion
)

func TestRegionFailover(t *testing.T) {
	t.Parallel()
	needsPostgreSQL(t)

	// Two regions, a database with a replica, a hosted zone and an application
	// per region, sixty times as fast as AWS.
	aws := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, TimeScale: 60})

	// The example as it is, but for the sandbox's addresses.
	example := teststructure.CopyTerraformFolderToTemp(t, "../modules/region-failover", "examples/basic")
	write(t, filepath.Join(example, "sandbox_override.tf"), sandboxOverride(t, aws))
	stack := &terraform.Options{
		TerraformBinary: terraformBinary(t),
		TerraformDir:    example,
		EnvVars:         environment(t, aws),
		Vars:            map[string]any{"active_region": primary},
		NoColor:         true,
		// Never retried: one apply must do.
		MaxRetries: 0,
	}

	// Peacetime. Applying adopts what is there; nothing changes for anybody.
	terraform.InitAndApplyContext(t, t.Context(), stack)
	wantAddress(t, aws, primary)
	orders := insertOrders(t, aws, primary, 100)
	waitForOrders(t, aws, standby, len(orders)) // replication has caught up

	// Somebody merges the failover while nothing is wrong: it is refused, and
	// says how it could be meant.
	stack.Vars["active_region"] = standby
	said, err := terraform.ApplyContextE(t, t.Context(), stack)
	wantRefusal(t, said, err, "healthy_source")
	wantAddress(t, aws, primary)
	wantReplica(t, aws, standby, true)

	// The region is lost. Its database, its application and its APIs answer no
	// more. The same change now fails over, in one apply.
	aws.Engine().SetRegion(primary, engine.Down)
	lost := time.Now()
	terraform.ApplyContext(t, t.Context(), stack)
	t.Logf("failed over in %v", time.Since(lost).Round(time.Millisecond))

	// The replica is a writer that has every order, and takes new ones.
	wantReplica(t, aws, standby, false)
	wantOrders(t, aws, standby, orders)
	insertOrders(t, aws, standby, 1)
	wantPromotions(t, aws, 1)
	// Customers are sent there, and find an application that works.
	wantAddress(t, aws, standby)
	wantHealthy(t, aws, standby)

	// Nothing is left to do.
	if code := terraform.PlanExitCodeContext(t, t.Context(), stack); code != 0 {
		t.Errorf("a second plan is not empty (exit code %d)", code)
	}
}
