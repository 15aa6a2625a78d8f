// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/postgres"
	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

const writeFence = "dr_postgresql_write_fence.orders"

// masterSecret is in the region that is recovered to.
var masterSecret = scenario.MasterSecret(scenario.StandbyRegion)

// postgresWorld is a sandbox with real databases, whose master password is a
// secret in each region.
type postgresWorld struct {
	*sandbox.Sandbox
	t               *testing.T
	source, replica sandbox.Database
}

func newPostgresWorld(t *testing.T) *postgresWorld {
	t.Helper()
	w := &postgresWorld{t: t, Sandbox: sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, TimeScale: 600})}
	w.source, w.replica = w.Databases()[0], w.Databases()[1]
	return w
}

// fence is the configuration of a fence of a database.
func (w *postgresWorld) fence(d sandbox.Database, fenced bool, more string) string {
	w.t.Helper()
	ca, err := os.ReadFile(w.CAFile())
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf(`
provider "dr" {
  region         = "us-west-2"
  endpoints      = { rds = %[1]q, cloudwatch = %[1]q, sts = %[1]q, secretsmanager = %[1]q }
  poll_interval  = "50ms"
  region_timeout = "1s"
}

resource "dr_postgresql_write_fence" "orders" {
  host               = %[3]q
  hostaddr           = %[4]q
  database           = %[5]q
  ca_certificate_pem = %[6]q
  connect_timeout    = "1s"
  secret_arn         = %[2]q
  fenced             = %[7]t
  %[8]s
}
`, w.Endpoint(), masterSecret, d.Endpoint, d.Host, d.Name, ca, fenced, more)
}

const ordersApp = `roles = ["orders_app"]`

// session opens one of the application's role, by the side of the application.
func (w *postgresWorld) session(d sandbox.Database) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=5")
	if err != nil {
		w.t.Fatal(err)
	}
	config.Host, config.Port, config.Database = d.Host, uint16(d.Port), d.Name
	config.User, config.Password = d.Application.User, d.Application.Password
	return pgx.ConnectConfig(context.Background(), config)
}

// loggedIn fails unless the application's role can log in, or cannot.
func (w *postgresWorld) loggedIn(d sandbox.Database, want bool) func() error {
	return func() error {
		conn, err := w.session(d)
		switch {
		case err != nil && want:
			return fmt.Errorf("orders_app cannot log in to %s: %w", d.Identifier, err)
		case err == nil && !want:
			err = fmt.Errorf("orders_app logs in to %s", d.Identifier)
			return errors.Join(err, conn.Close(context.Background()))
		case err == nil:
			return conn.Close(context.Background())
		}
		return nil
	}
}

// master runs a statement as somebody else with the master password.
func (w *postgresWorld) master(sql string) func() {
	return func() {
		config, err := pgx.ParseConfig("sslmode=disable connect_timeout=5")
		if err != nil {
			w.t.Fatal(err)
		}
		d := w.source
		config.Host, config.Port, config.Database, config.User, config.Password = d.Host, uint16(d.Port), d.Name, d.User, d.Password
		conn, err := pgx.ConnectConfig(context.Background(), config)
		if err == nil {
			_, err = conn.Exec(context.Background(), sql)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			w.t.Errorf("%s: %v", sql, err)
		}
	}
}

// fenceSource fences the source's application by the domain.
func (w *postgresWorld) fenceSource(ctx context.Context, clients *awsclient.Clients) error {
	d := w.source
	out, err := newProviderData(clients, 50*time.Millisecond).PostgreSQL().EnsureFence(ctx, postgres.FenceSpec{
		Target: postgres.Target{
			Host: d.Endpoint, HostAddr: d.Host, Port: d.Port, Database: d.Name, SSLMode: postgres.Require,
			Login: postgres.Login{SecretARN: masterSecret},
		},
		Fenced: true, Required: true, Roles: []string{d.Application.User},
	})
	if err == nil && out.State != postgres.FenceHeld {
		err = fmt.Errorf("the fence is %s", out.State)
	}
	return err
}

// awaitWriter waits until a promotion is over.
func (w *postgresWorld) awaitWriter(ctx context.Context, clients *awsclient.Clients, id string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		out, err := clients.RDS(scenario.StandbyRegion).DescribeDBInstances(ctx, &awsrds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if err == nil && out.DBInstances[0].ReadReplicaSourceDBInstanceIdentifier == nil && *out.DBInstances[0].DBInstanceStatus == "available" {
			return
		}
	}
	w.t.Fatalf("%s was not promoted within a minute", id)
}
