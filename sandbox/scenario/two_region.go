// SPDX-License-Identifier: MPL-2.0

package scenario

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// The names of the scenario two-region.
const (
	TwoRegion     = "two-region"
	PrimaryRegion = "us-east-1"
	StandbyRegion = "us-west-2"
	PrimaryID     = "orders"
	ReplicaID     = "orders-usw2"
	DatabaseName  = "orders"
	DatabaseUser  = "dradmin"
	// ApplicationUser owns the orders and nothing else.
	ApplicationUser = "orders_app"
	ZoneName        = "example.com"
	ZoneID          = "Z0EXAMPLE00000000001"
	RecordName      = "app.example.com"
	RecordTTL       = 5
	DNSRoleARN      = "arn:aws:iam::222222222222:role/dr-dns"
	StateBucket     = "acme-dr-state-usw2"
	// SwitchBucket belongs to the zone's account; anyone may read what lies
	// below SwitchPrefix, as Route 53's health checkers must.
	SwitchBucket = "acme-dr-switch-usw2"
	SwitchPrefix = "switch/"
	// SubnetGroup and ParameterGroup are in both regions.
	SubnetGroup    = "orders"
	ParameterGroup = "orders-postgres"
)

func init() {
	register(Scenario{
		Name:    TwoRegion,
		Summary: "orders in us-east-1 with a replica in us-west-2, app.example.com, an application per region",
		Build:   twoRegion,
	})
}

func twoRegion(ctx context.Context, w *World) error {
	w.STS.AddRole(sts.Role{ARN: DNSRoleARN, TrustedAccounts: []string{engine.WorkloadAccount, engine.DNSAccount}})
	if err := w.S3.AddBucket(StandbyRegion, engine.WorkloadAccount, StateBucket); err != nil {
		return err
	}
	if err := w.S3.AddBucket(StandbyRegion, engine.DNSAccount, SwitchBucket); err != nil {
		return err
	}
	w.S3.OpenBucket(SwitchBucket, SwitchPrefix)
	if err := w.Route53.SeedZone(engine.DNSAccount, ZoneID, ZoneName); err != nil {
		return err
	}
	if err := seedNetwork(w); err != nil {
		return err
	}
	stores, err := seedDatabases(ctx, w)
	if err != nil {
		return err
	}
	fleet, err := startApplications(w, stores)
	if err != nil {
		return err
	}
	return w.Route53.SeedA(ZoneID, RecordName, RecordTTL, fleet.Address(PrimaryRegion).String())
}

// seedDatabases makes orders and its replica, and returns the applications'
// stores by region.
func seedDatabases(ctx context.Context, w *World) (map[string]app.Store, error) {
	password, application := rand.Text(), Role{ApplicationUser, rand.Text()}
	err := w.RDS.Seed(ctx, rds.Instance{
		Account: engine.WorkloadAccount, Region: PrimaryRegion, Identifier: PrimaryID, DBName: DatabaseName,
		MasterUsername: DatabaseUser, MasterPassword: password, DeletionProtection: true, Placement: placement(PrimaryRegion),
	})
	if err != nil {
		return nil, err
	}
	if err := seedApplicationRole(ctx, w, password, application); err != nil {
		return nil, err
	}
	err = w.RDS.SeedReplica(ctx, rds.Replica{
		Account: engine.WorkloadAccount, Region: StandbyRegion, Identifier: ReplicaID,
		SourceRegion: PrimaryRegion, Source: PrimaryID, Placement: placement(StandbyRegion),
	})
	if err != nil {
		return nil, err
	}
	w.Databases = func() []Database { return databases(w, password, application) }
	stores := map[string]app.Store{}
	for _, d := range w.RDS.Databases() {
		w.Secrets.Seed(engine.WorkloadAccount, d.Region, masterSecret, secretOf(d, password))
		if d.StateOnly {
			stores[d.Region] = app.Memory(writer(w, d))
		} else if stores[d.Region], err = app.Postgres(app.Connection{
			Host: d.Host, Port: int(d.Port), User: application.User, Password: application.Password, Database: DatabaseName,
			Lookup: w.Engine.Network.LookupName,
		}); err != nil {
			return nil, err
		}
	}
	return stores, nil
}

// databases shows the instances of the scenario, and all that were made of them.
func databases(w *World, password string, application Role) []Database {
	list := []Database{}
	for _, d := range w.RDS.Databases() {
		if d.Account != engine.WorkloadAccount || d.User != DatabaseUser || d.Name != DatabaseName {
			continue
		}
		shown := Database{
			Identifier: d.Identifier, Region: d.Region, Host: d.Address, Endpoint: d.Host, Port: int(d.Port),
			Name: DatabaseName, User: DatabaseUser, Password: password, Application: application,
		}
		if d.Address == "" {
			shown.Host = d.Host
		}
		list = append(list, shown)
	}
	return list
}

// seedApplicationRole makes, as the master user, the role that the application
// writes as: the replica inherits it.
func seedApplicationRole(ctx context.Context, w *World, password string, role Role) error {
	server := w.RDS.Server(engine.WorkloadAccount, PrimaryRegion, PrimaryID)
	if server == nil {
		return nil
	}
	return server.Exec(ctx, postgres.Login{User: DatabaseUser, Password: password, Database: DatabaseName},
		"CREATE ROLE "+role.User+" LOGIN PASSWORD '"+role.Password+"'",
		"GRANT USAGE, CREATE ON SCHEMA public TO "+role.User,
	)
}

// writer says whether a state-only instance would take a row.
func writer(w *World, d rds.Database) func(context.Context) error {
	return func(context.Context) error {
		i, err := w.RDS.Describe(d.Account, d.Region, d.Identifier)
		switch {
		case err != nil:
			return err
		case w.Engine.RegionState(d.Region) != engine.Up:
			return fmt.Errorf("%s is not reachable", d.Identifier)
		case !w.RDS.Admits(d.Account, d.Region, d.Identifier):
			return fmt.Errorf("%s is not reachable: its network lets nobody in", d.Identifier)
		case aws.ToString(i.DBInstanceStatus) != "available":
			return fmt.Errorf("%s is %s", d.Identifier, aws.ToString(i.DBInstanceStatus))
		case aws.ToString(i.ReadReplicaSourceDBInstanceIdentifier) != "":
			return errors.New(d.Identifier + " is a read replica")
		}
		return nil
	}
}

func startApplications(w *World, stores map[string]app.Store) (*app.Fleet, error) {
	fleet, err := app.Start(app.Options{
		Network: w.Engine.Network, Stores: stores, CA: w.CA, Names: []string{RecordName}, Log: w.Engine.Log,
	})
	if err != nil {
		return nil, err
	}
	w.Closers = append(w.Closers, fleet.Close)
	for _, region := range []string{PrimaryRegion, StandbyRegion} {
		w.Applications = append(w.Applications, Application{Region: region, HTTP: fleet.HTTP(region), HTTPS: fleet.HTTPS(region)})
	}
	return fleet, nil
}
