// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/drstate/terraform-provider-dr/internal/harness"
	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

const (
	east = scenario.PrimaryRegion
	west = scenario.StandbyRegion
)

// world is a state-only sandbox with a workspace that configures all of it.
type world struct {
	*sandbox.Sandbox
	w         *harness.Workspace
	dir       string
	addresses map[string]string // of the application, by region
	health    string            // its URL, by name
	config    settings
}

// newWorld starts one with a number of databases and records; the first are the
// scenario's.
func (b *bench) newWorld(ctx context.Context, scale float64, databases int) (*world, error) {
	s, err := sandbox.Start(ctx, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: true, TimeScale: scale})
	if err != nil {
		return nil, err
	}
	w := &world{Sandbox: s, addresses: map[string]string{}, config: settings{
		Accept: []string{}, FailedRegions: []string{}, Databases: map[string]database{}, Records: map[string]record{}, Verifications: map[string]verification{},
	}}
	if err := w.prepare(ctx, b, databases); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return w, nil
}

func (w *world) prepare(ctx context.Context, b *bench, databases int) (err error) {
	for _, app := range w.Applications() {
		u, err := url.Parse(app.HTTP)
		if err != nil {
			return err
		}
		w.addresses[app.Region] = u.Hostname()
		w.health = "http://" + net.JoinHostPort(scenario.RecordName, u.Port()) + "/health"
	}
	w.declare("app", scenario.PrimaryID, scenario.ReplicaID, scenario.RecordName)
	for n := 1; n < databases; n++ {
		if err := w.addDatabase(ctx, n); err != nil {
			return err
		}
	}
	if w.dir, err = os.MkdirTemp(b.dir, "w"); err != nil {
		return err
	}
	if w.w, err = b.in.NewWorkspace(w.dir, nil, w.Env()...); err != nil {
		return err
	}
	for _, name := range []string{"main.tf", "region-failover"} {
		if err := os.Symlink(b.base.Dir+"/"+name, w.dir+"/"+name); err != nil {
			return err
		}
	}
	if err := w.w.InitFrom(b.base); err != nil {
		return err
	}
	if err := w.w.Write("backend.tf", backend); err != nil {
		return err
	}
	return said("terraform init", w.w.Init(ctx), 0)
}

// declare adds a database and its record to the configuration.
func (w *world) declare(name, primary, replica, host string) {
	w.config.Databases[name] = database{Members: map[string]member{east: {primary, 7}, west: {replica, 7}}}
	w.config.Records[name] = record{
		ZoneID: scenario.ZoneID, Name: host, Type: "A", TTL: scenario.RecordTTL,
		Targets: map[string]target{east: {[]string{w.addresses[east]}}, west: {[]string{w.addresses[west]}}},
	}
}

func (w *world) addDatabase(ctx context.Context, n int) error {
	id := fmt.Sprintf("db-%03d", n)
	host := id + "." + scenario.ZoneName
	w.declare(id, id, id+"-usw2", host)
	return errors.Join(
		w.RDS().Seed(ctx, rds.Instance{
			Account: engine.WorkloadAccount, Region: east, Identifier: id, MasterUsername: "dradmin",
			MasterPassword: "not-a-secret", StateOnly: true,
		}),
		w.RDS().SeedReplica(ctx, rds.Replica{
			Account: engine.WorkloadAccount, Region: west, Identifier: id + "-usw2", SourceRegion: east, Source: id,
		}),
		w.Route53().SeedA(scenario.ZoneID, host, scenario.RecordTTL, w.addresses[east]),
	)
}

// verify adds the check that the application answers from the active region.
func (w *world) verify() {
	w.config.Verifications["app"] = verification{URL: w.health, JSONPath: "region", Resolver: w.DNSAddr(), Successes: 1}
}

// activate writes the one change that a failover is.
func (w *world) activate(region string) error {
	variables, err := json.Marshal(map[string]any{"active_region": region, "settings": w.config})
	if err != nil {
		return err
	}
	return w.w.Write("terraform.tfvars.json", string(variables))
}

// parallelism is what examples/atmos sets.
const parallelism = "-parallelism=256"

// steady applies peacetime.
func (w *world) steady(ctx context.Context) error {
	if err := w.activate(east); err != nil {
		return err
	}
	err := said("the peacetime apply", w.w.Apply(ctx, parallelism), 0)
	w.Engine().ResetCalls()
	return err
}

// lose takes us-east-1 and asks for us-west-2.
func (w *world) lose(state engine.RegionState) error {
	w.Engine().SetRegion(east, state)
	return w.activate(west)
}

// said is an error unless a command ended as it should.
func said(what string, r harness.Result, want int) error {
	if r.Code == want {
		return nil
	}
	return fmt.Errorf("%s ended with %d:\n%s", what, r.Code, r.Output)
}
