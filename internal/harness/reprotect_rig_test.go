// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// reprotectConfiguration is modules/reprotect for the same application, with the
// same variables.
const reprotectConfiguration = `
terraform {
  required_providers {
    dr = { source = "drstate/dr" }
  }
}

variable "active_region" { type = string }
variable "settings" { type = any }

provider "dr" {
  region         = "us-west-2"
  poll_interval  = "20ms"
  region_timeout = var.settings.region_timeout
}

module "orders" {
  source = "./reprotect"

  regions       = ["us-east-1", "us-west-2"]
  active_region = var.active_region
  account_id    = "111111111111"
  timeouts      = { replica = "60s" }

  databases = {
    orders = {
      members = {
        us-east-1 = { db_instance_identifier = "orders", replica = { deletion_protection = true } }
        us-west-2 = { db_instance_identifier = "orders-usw2", replica = { deletion_protection = true } }
      }
      fence = var.settings.fence
    }
  }
}

data "dr_rds_retired_instances" "all" {
  for_each = toset(["us-east-1", "us-west-2"])
  region   = each.value
}
`

var reprotectBase struct {
	once sync.Once
	w    *Workspace
	err  error
}

func installReprotect() error {
	repo, err := Repository(".")
	if err != nil {
		return err
	}
	files := map[string]string{"main.tf": reprotectConfiguration}
	for _, name := range []string{"main.tf", "variables.tf", "outputs.tf", "versions.tf"} {
		source, err := os.ReadFile(filepath.Join(repo, "modules", "reprotect", name))
		if err != nil {
			return err
		}
		files["reprotect/"+name] = string(source)
	}
	if reprotectBase.w, err = installed.in.NewWorkspace(filepath.Join(installed.dir, "reprotect"), files); err != nil {
		return err
	}
	if r := reprotectBase.w.Init(context.Background()); r.Code != 0 {
		return fmt.Errorf("terraform init: %s", r.Output)
	}
	return nil
}

// wayHome makes a workspace for the way home beside that of the failover.
func (r *rig) wayHome() *Workspace {
	r.t.Helper()
	reprotectBase.once.Do(func() { reprotectBase.err = installReprotect() })
	if reprotectBase.err != nil {
		r.t.Fatal(reprotectBase.err)
	}
	dir, err := os.MkdirTemp(installed.dir, "home")
	if err != nil {
		r.t.Fatal(err)
	}
	w, err := installed.in.NewWorkspace(dir, nil, r.s.Env()...)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range []string{"main.tf", "reprotect", ".terraform", ".terraform.lock.hcl"} {
		if err := copyTree(filepath.Join(dir, name), filepath.Join(reprotectBase.w.Dir, name)); err != nil {
			r.t.Fatal(err)
		}
	}
	return w
}

// reprotect applies the way home, twice, while a region is active; neither plan
// that follows, of the way home or of the failover, may have anything left.
func (r *rig) reprotect(home *Workspace, active string) {
	r.t.Helper()
	failover := r.w
	r.w = home
	r.activate(active)
	r.apply()
	r.emptyPlan()
	r.w = failover
	r.emptyPlan()
}

// turned checks how often each member was promoted, and where the name leads.
func (r *rig) turned(west, east int, active string) {
	r.t.Helper()
	want := map[string]int{}
	if west > 0 {
		want[scenario.ReplicaID] = west
	}
	if east > 0 {
		want[scenario.PrimaryID] = east
	}
	if got := r.promotions(); !maps.Equal(got, want) {
		r.t.Errorf("promotions that took effect: %v, want %v", got, want)
	}
	if got := r.answer(); got != r.Addresses[active] {
		r.t.Errorf("%s is %s, want %s", scenario.RecordName, got, r.Addresses[active])
	}
}

// kept checks that so many old writers are kept in each region, protected,
// fenced and under names of their own.
func (r *rig) kept(t testing.TB, east, west int) {
	t.Helper()
	got := map[string]int{}
	for _, d := range r.s.RDS().Databases() {
		if d.Identifier == scenario.PrimaryID || d.Identifier == scenario.ReplicaID {
			continue
		}
		got[d.Region]++
		db, err := r.s.RDS().Describe(engine.WorkloadAccount, d.Region, d.Identifier)
		if err != nil || db.DeletionProtection == nil || !*db.DeletionProtection || db.ReadReplicaSourceDBInstanceIdentifier != nil {
			t.Errorf("%s in %s: %+v, %v", d.Identifier, d.Region, db, err)
			continue
		}
		for _, g := range db.VpcSecurityGroups {
			if *g.VpcSecurityGroupId != scenario.FenceGroup(d.Region) {
				t.Errorf("%s is in %s", d.Identifier, *g.VpcSecurityGroupId)
			}
		}
	}
	if got[scenario.PrimaryRegion] != east || got[scenario.StandbyRegion] != west {
		t.Errorf("kept: %v, want %d in us-east-1 and %d in us-west-2", got, east, west)
	}
	for _, c := range r.s.Engine().Calls() {
		if len(c.Operation) > 6 && c.Operation[:6] == "Delete" {
			t.Errorf("call %d deletes: %s:%s", c.N, c.Service, c.Operation)
		}
	}
}
