// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
)

// session opens a session of the master user by the instance's address, as the
// DNS server gives it for the endpoint's name.
func (w *world) session(id string) (*pgx.Conn, error) {
	w.t.Helper()
	for _, d := range w.rds.Databases() {
		if d.Identifier != id {
			continue
		}
		if ip, ok := w.e.Network.LookupName(d.Host); !ok || ip.String() != d.Address {
			w.t.Errorf("the name %s leads to %s, want %s", d.Host, ip, d.Address)
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Second)
		defer cancel()
		return pgx.Connect(ctx, fmt.Sprintf("postgres://%s:correct-horse@%s/%s?sslmode=disable",
			d.User, net.JoinHostPort(d.Address, fmt.Sprint(d.Port)), d.Name))
	}
	return nil, fmt.Errorf("no instance %s", id)
}

func (w *world) run(id, sql string) error {
	w.t.Helper()
	c, err := w.session(id)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Exec(w.t.Context(), sql)
	return err
}

func (w *world) rows(id string) int {
	w.t.Helper()
	c, err := w.session(id)
	if err != nil {
		return -1
	}
	defer func() { _ = c.Close(context.Background()) }()
	var n int
	if err := c.QueryRow(w.t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
		return -1
	}
	return n
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("not within 8 s: %s", what)
}

func TestARegionFailsOverWithRealDatabases(t *testing.T) {
	t.Parallel()
	w := start(t, 120, false)
	w.seed("postgres")
	if err := w.run("orders", "CREATE TABLE orders AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	w.eventually("the row arrives at the replica", func() bool { return w.rows("orders-usw2") == 1 })
	if err := w.run("orders-usw2", "INSERT INTO orders VALUES (2)"); err == nil {
		t.Error("a replica takes writes")
	}
	w.lagBecomes("known and small", func(v float64) bool { return v >= 0 && v < 10 })

	open, err := w.session("orders")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close(context.Background()) }()
	w.e.SetRegion(east, engine.Down)
	if err := w.run("orders", "SELECT 1"); err == nil {
		t.Error("a database in a region that is down takes connections")
	}
	if _, err := open.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a session that was open goes on")
	}
	if got := w.rows("orders-usw2"); got != 1 {
		t.Errorf("the replica serves %d rows with its source's region down, want 1", got)
	}
	// What the old writer still commits on its own never arrives.
	if err := w.rds.Server(engine.WorkloadAccount, east, "orders").Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}

	_, err = w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{
		DBInstanceIdentifier: aws.String("orders-usw2"), BackupRetentionPeriod: aws.Int32(7),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.statuses(west, "orders-usw2", func(db types.DBInstance) string {
		return aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier)
	}, "")
	if err := w.run("orders-usw2", "INSERT INTO orders VALUES (2)"); err != nil {
		t.Errorf("the promoted instance takes no write: %v", err)
	}

	// The region comes back with its old writer, which knows nothing.
	w.e.SetRegion(east, engine.Up)
	if got := w.rows("orders"); got != 1 {
		t.Errorf("the old writer has %d rows, want its 1", got)
	}
	if got := w.rows("orders-usw2"); got != 2 {
		t.Errorf("the new writer has %d rows, want 2", got)
	}
}

func TestTheWayHomeWithRealDatabases(t *testing.T) {
	t.Parallel()
	w := start(t, 600, false)
	if err := w.rds.Seed(t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: east, Identifier: "orders", DBName: "orders",
		MasterUsername: "dradmin", MasterPassword: "correct-horse", Placement: placement,
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.run("orders", "CREATE TABLE orders AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	c := w.client(east)
	_, err := c.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String("orders"), NewDBInstanceIdentifier: aws.String("orders-retired"), ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.statuses(east, "orders-retired", status, "available")
	if got := w.rows("orders-retired"); got != 1 {
		t.Errorf("%d rows under the new name, want 1", got)
	}
	// The old name is free, for a replica of its own here.
	_, err = c.CreateDBInstanceReadReplica(t.Context(), &sdk.CreateDBInstanceReadReplicaInput{
		DBInstanceIdentifier: aws.String("orders"), SourceDBInstanceIdentifier: aws.String("orders-retired"), VpcSecurityGroupIds: []string{letsIn},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.statuses(east, "orders", status, "available")
	if err := w.run("orders-retired", "INSERT INTO orders VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	w.eventually("the row arrives", func() bool { return w.rows("orders") == 2 })
	if _, err := c.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), SkipFinalSnapshot: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.statuses(east, "orders", status, "gone")
	if got := w.rows("orders-retired"); got != 2 {
		t.Errorf("%d rows after the replica's deletion, want 2", got)
	}
}
