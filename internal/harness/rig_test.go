// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// timeScale makes a promotion of minutes last half a second.
const timeScale = 600

// installed is what all tests share: the provider, built once, in a mirror, and
// a workspace that is initialised once and copied.
var installed struct {
	once sync.Once
	dir  string
	in   *Installation
	base *Workspace
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if installed.dir != "" {
		_ = os.RemoveAll(installed.dir)
	}
	os.Exit(code)
}

func install() error {
	terraform, err := FindTerraform()
	if err != nil {
		return err
	}
	repo, err := Repository(".")
	if err != nil {
		return err
	}
	if installed.dir, err = os.MkdirTemp("", "dr-harness-"); err != nil {
		return err
	}
	ctx := context.Background()
	provider := os.Getenv("DR_PROVIDER") // one that is built already, such as a release
	if provider == "" {
		if provider, err = BuildProvider(ctx, repo, installed.dir); err != nil {
			return err
		}
	}
	if installed.in, err = Install(installed.dir, terraform, provider); err != nil {
		return err
	}
	files := map[string]string{"main.tf": configuration}
	for _, name := range []string{"main.tf", "variables.tf", "outputs.tf", "versions.tf"} {
		source, err := os.ReadFile(filepath.Join(repo, "modules", "region-failover", name))
		if err != nil {
			return err
		}
		files["region-failover/"+name] = string(source)
	}
	if installed.base, err = installed.in.NewWorkspace(filepath.Join(installed.dir, "base"), files); err != nil {
		return err
	}
	if r := installed.base.Init(ctx); r.Code != 0 {
		return fmt.Errorf("terraform init: %s", r.Output)
	}
	return nil
}

// configuration is modules/region-failover for the sandbox's one application,
// with everything that a test varies as a variable.
const configuration = `
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
  failed_regions = var.settings.failed_regions
}

provider "dr" {
  alias          = "dns"
  region         = "us-west-2"
  poll_interval  = "20ms"
  region_timeout = var.settings.region_timeout
  assume_role    = [{ role_arn = "arn:aws:iam::222222222222:role/dr-dns" }]
}

module "orders" {
  source    = "./region-failover"
  providers = { dr = dr, dr.dns = dr.dns }

  regions            = ["us-east-1", "us-west-2"]
  active_region      = var.active_region
  mode               = var.settings.mode
  max_estimated_loss = var.settings.max_estimated_loss
  accept             = var.settings.accept
  timeouts           = { promotion = "60s", record = var.settings.record_timeout }

  databases = {
    orders = {
      members = {
        us-east-1 = { db_instance_identifier = "orders", backup_retention_period = 7 }
        us-west-2 = { db_instance_identifier = "orders-usw2", backup_retention_period = 7 }
      }
      fence = var.settings.fence
    }
  }

  switch         = var.settings.switch
  primary_region = "us-east-1"

  records = {
    app = {
      resolver = var.settings.resolver
      zone_id = "Z0EXAMPLE00000000001"
      name    = "app.example.com"
      type    = "A"
      ttl     = 5
      targets = { for region, address in var.settings.addresses : region => { records = [address] } }
    }
  }

  verifications = {
    app = {
      url                   = var.settings.url
      json_path             = "region"
      target_urls           = var.settings.target_urls
      resolver              = var.settings.resolver
      consecutive_successes = 2
      interval              = "100ms"
      request_timeout       = "2s"
      timeout               = "30s"
    }
  }
}
`

// settings are the configuration's variable of that name.
type settings struct {
	RegionTimeout    string              `json:"region_timeout"`
	FailedRegions    []string            `json:"failed_regions"`
	Mode             string              `json:"mode"`
	MaxEstimatedLoss string              `json:"max_estimated_loss"`
	Accept           []string            `json:"accept"`
	Fence            map[string][]string `json:"fence"`
	RecordTimeout    string              `json:"record_timeout"`
	Addresses        map[string]string   `json:"addresses"`
	URL              string              `json:"url"`
	TargetURLs       map[string]string   `json:"target_urls"`
	Resolver         string              `json:"resolver"`
	Switch           string              `json:"switch"`
}

// rig is a sandbox of its own with a workspace that configures it.
type rig struct {
	t testing.TB
	s *sandbox.Sandbox
	w *Workspace
	settings
}

// newRig starts a state-only sandbox of two regions and makes a workspace, in
// which nothing has been applied.
func newRig(t testing.TB, env ...string) *rig {
	t.Helper()
	return newRigIn(t, sandbox.Options{StateOnly: true}, env...)
}

// newRigIn is newRig with a sandbox as the options have it.
func newRigIn(t testing.TB, o sandbox.Options, env ...string) *rig {
	t.Helper()
	installed.once.Do(func() { installed.err = install() })
	if errors.Is(installed.err, ErrNoTerraform) {
		t.Skip("SKIPPED: needs Terraform or OpenTofu: " + installed.err.Error())
	}
	if installed.err != nil {
		t.Fatal(installed.err)
	}
	r := &rig{t: t}
	o.Scenario, o.TimeScale = scenario.TwoRegion, timeScale
	r.s = sandboxtest.Start(t, o)
	r.settings = settings{
		RegionTimeout: "2s", FailedRegions: []string{}, Mode: "unplanned", MaxEstimatedLoss: "300s", Accept: []string{}, Fence: map[string][]string{},
		RecordTimeout: "30s", Addresses: map[string]string{}, TargetURLs: map[string]string{}, Resolver: r.s.DNSAddr(),
		Switch: "record",
	}
	for _, app := range r.s.Applications() {
		u, err := url.Parse(app.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		r.Addresses[app.Region] = u.Hostname()
		r.TargetURLs[app.Region] = app.HTTP + "/health"
		r.URL = "http://" + net.JoinHostPort(scenario.RecordName, u.Port()) + "/health"
	}
	r.w = r.workspace("", env...)
	return r
}

// workspace makes another workspace for the same sandbox.
func (r *rig) workspace(suffix string, env ...string) *Workspace {
	r.t.Helper()
	dir, err := os.MkdirTemp(installed.dir, "w"+suffix)
	if err != nil {
		r.t.Fatal(err)
	}
	w, err := installed.in.NewWorkspace(dir, nil, append(r.s.Env(), env...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range []string{"main.tf", "region-failover", ".terraform", ".terraform.lock.hcl"} {
		if err := copyTree(filepath.Join(dir, name), filepath.Join(installed.base.Dir, name)); err != nil {
			r.t.Fatal(err)
		}
	}
	return w
}

// activate writes the one change that a failover is.
func (r *rig) activate(region string) {
	r.t.Helper()
	variables, err := json.Marshal(map[string]any{"active_region": region, "settings": r.settings})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.w.Write("terraform.tfvars.json", string(variables)); err != nil {
		r.t.Fatal(err)
	}
}

// apply must succeed.
func (r *rig) apply(args ...string) Result {
	r.t.Helper()
	result := r.w.Apply(r.t.Context(), args...)
	if result.Code != 0 {
		r.t.Fatalf("apply ended with %d:\n%s\ncalls:\n%s", result.Code, result.Output, r.calls())
	}
	return result
}

// emptyPlan must be empty.
func (r *rig) emptyPlan() Result {
	r.t.Helper()
	result := r.w.Plan(r.t.Context())
	if result.Code != 0 {
		r.t.Fatalf("the plan is not empty (%d):\n%s", result.Code, result.Output)
	}
	return result
}

// steady brings the workspace into the peacetime state, from which us-west-2 is
// to be failed over to. The state is that of the first rig that applied it, with
// the names and addresses of this one.
func (r *rig) steady() {
	r.t.Helper()
	r.activate(scenario.PrimaryRegion)
	steady, _ := steadyStates.LoadOrStore(fmt.Sprintf("%s, fences: %v", r.Mode, r.Fence), &steadyState{})
	first, ok := steady.(*steadyState)
	if !ok {
		r.t.Fatalf("%T", steady)
	}
	first.once.Do(func() {
		r.apply()
		state, err := os.ReadFile(r.w.StateFile())
		if err != nil {
			r.t.Fatal(err)
		}
		for name, value := range r.names() {
			state = []byte(strings.ReplaceAll(string(state), `"`+value+`"`, `"<`+name+`>"`))
		}
		first.text = string(state)
	})
	if first.text == "" {
		r.t.Fatal("the peacetime state could not be applied: see the first test that tried")
	}
	state := first.text
	for name, value := range r.names() {
		state = strings.ReplaceAll(state, `"<`+name+`>"`, `"`+value+`"`)
	}
	if err := r.w.Write("terraform.tfstate", state); err != nil {
		r.t.Fatal(err)
	}
	r.s.Engine().ResetCalls()
}

// steadyStates are the states of first rigs, by what their configurations differ
// in.
var steadyStates sync.Map

type steadyState struct {
	once sync.Once
	text string
}

// names are the strings in which the states of two rigs differ.
func (r *rig) names() map[string]string {
	u, err := url.Parse(r.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	names := map[string]string{"url": r.URL, "host": u.Host, "resolver": r.Resolver}
	for region, address := range r.Addresses {
		names["address "+region] = address
		names["target "+region] = r.TargetURLs[region]
	}
	for id, region := range members {
		db, err := r.s.RDS().Describe(engine.WorkloadAccount, region, id)
		if err != nil {
			r.t.Fatal(err)
		}
		names["resource "+id] = *db.DbiResourceId
		names["endpoint "+id] = *db.Endpoint.Address
	}
	return names
}

// lose takes us-east-1 down and asks for us-west-2.
func (r *rig) lose(state engine.RegionState) {
	r.t.Helper()
	r.s.Engine().SetRegion(scenario.PrimaryRegion, state)
	r.activate(scenario.StandbyRegion)
}

// members are the database's instances and their regions.
var members = map[string]string{scenario.PrimaryID: scenario.PrimaryRegion, scenario.ReplicaID: scenario.StandbyRegion}

// promotions that took effect, of both members.
func (r *rig) promotions() map[string]int {
	counts := map[string]int{}
	for id, region := range members {
		if n := r.s.RDS().PromotionCount(engine.WorkloadAccount, region, id); n > 0 {
			counts[id] = n
		}
	}
	return counts
}

// promotedOnce checks that the replica was promoted once and nothing else ever.
func (r *rig) promotedOnce() {
	r.t.Helper()
	if got, want := r.promotions(), map[string]int{scenario.ReplicaID: 1}; !maps.Equal(got, want) {
		r.t.Errorf("promotions that took effect: %v, want %v", got, want)
	}
}

// harmless lists the mutating operations that a failover may call.
var harmless = map[string]bool{
	"rds:AddTagsToResource":            true,
	"rds:PromoteReadReplica":           true,
	"route53:ChangeResourceRecordSets": true,
	"sts:AssumeRole":                   true,
}

// fencing lists what a fence may call besides, in the region that is left.
var fencing = map[string]bool{
	"rds:ModifyDBInstance": true,
	"rds:RebootDBInstance": true,
}

// nothingElse checks that no other mutating call was made, whether or not it
// took effect.
func (r *rig) nothingElse() {
	r.t.Helper()
	for _, c := range r.s.Engine().Calls() {
		may := harmless[c.Service+":"+c.Operation] || len(r.Fence) > 0 && c.Region == scenario.PrimaryRegion && fencing[c.Service+":"+c.Operation]
		if c.Mutating && !may || strings.HasPrefix(c.Operation, "Delete") {
			r.t.Errorf("call %d changes what a failover must not touch: %s:%s in %s (%s)", c.N, c.Service, c.Operation, c.Region, c.Outcome)
		}
	}
}

// effects counts the calls of an operation that took effect.
func (r *rig) effects(service, operation string) int {
	n := 0
	for _, c := range r.s.Engine().Calls() {
		if c.Service == service && c.Operation == operation && c.TookEffect {
			n++
		}
	}
	return n
}

// answer is what the zone's DNS server says now.
func (r *rig) answer() string {
	r.t.Helper()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, r.s.DNSAddr())
	}}
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	addresses, err := resolver.LookupHost(ctx, scenario.RecordName)
	if err != nil {
		r.t.Errorf("asking for %s: %v", scenario.RecordName, err)
	}
	return strings.Join(addresses, " ")
}

// failedOver checks what the failover is for, from outside and in the state.
func (r *rig) failedOver() {
	r.t.Helper()
	r.promotedOnce()
	r.nothingElse()
	if got, want := r.answer(), r.Addresses[scenario.StandbyRegion]; got != want {
		r.t.Errorf("%s is %s, want %s", scenario.RecordName, got, want)
	}
	record, err := r.w.Attributes("dr_route53_failover_record", "this")
	if err != nil {
		r.t.Fatal(err)
	}
	if record["sync_status"] != "INSYNC" || record["active"] != scenario.StandbyRegion {
		r.t.Errorf("the record in the state: sync_status %v, active %v", record["sync_status"], record["active"])
	}
}

// calls are the recorded ones, a line each.
func (r *rig) calls() string {
	var b strings.Builder
	for _, c := range r.s.Engine().Calls() {
		fmt.Fprintf(&b, "%4d %s %-10s %s:%s %s %v\n", c.N, c.Time.Format("15:04:05.000"), c.Region, c.Service, c.Operation, c.Outcome, c.Params)
	}
	return b.String()
}
