// SPDX-License-Identifier: MPL-2.0

package sandboxtest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// session opens a session with TLS, verified against name; without if it is "".
func session(t *testing.T, s *sandbox.Sandbox, d sandbox.Database, login scenario.Role, name string) (*pgx.Conn, error) {
	t.Helper()
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable connect_timeout=5", d.Host, d.Port, d.Name))
	if err != nil {
		t.Fatal(err)
	}
	config.User, config.Password = login.User, login.Password
	if name != "" {
		pem, err := os.ReadFile(s.CAFile())
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		config.TLSConfig = &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

// Databases speak TLS with the name of their endpoint, and follow a new name.
func TestDatabasesShowTheCertificateOfTheirEndpoint(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, TimeScale: 600})
	for _, d := range s.Databases() {
		master := scenario.Role{User: d.User, Password: d.Password}
		conn, err := session(t, s, d, master, d.Endpoint)
		if err != nil {
			t.Fatalf("%s does not speak TLS with its own name: %v", d.Identifier, err)
		}
		var encrypted bool
		if err := conn.QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted); err != nil || !encrypted {
			t.Errorf("%s says that the session is encrypted: %t, %v", d.Identifier, encrypted, err)
		}
		if _, err := session(t, s, d, master, "orders.example.com"); err == nil {
			t.Errorf("%s shows a certificate of a name that is not its own", d.Identifier)
		}
		if _, err := session(t, s, d, master, ""); err != nil {
			t.Errorf("%s takes no session without TLS: %v", d.Identifier, err)
		}
	}

	d := s.Databases()[0]
	client := rds.New(rds.Options{
		Region: d.Region, BaseEndpoint: aws.String(s.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", ""),
	})
	if _, err := client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &d.Identifier, NewDBInstanceIdentifier: aws.String("orders-retired"), ApplyImmediately: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("orders-retired")})
		if err == nil && aws.ToString(out.DBInstances[0].DBInstanceStatus) == "available" {
			if _, err := session(t, s, d, d.Application, aws.ToString(out.DBInstances[0].Endpoint.Address)); err != nil {
				t.Errorf("the renamed instance does not show its new name: %v", err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the instance was not renamed: %v", err)
		}
	}
}

// The application writes as a role of its own, which the master user may fence
// without being a superuser.
func TestTheApplicationWritesAsARoleOfItsOwn(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, TimeScale: 600})
	order(t, s.Applications()[0].HTTP, "11111111-2222-4333-8444-555555555555")
	d := s.Databases()[0]
	master, err := session(t, s, d, scenario.Role{User: d.User, Password: d.Password}, d.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var owner string
	var super int
	if err := master.QueryRow(t.Context(), `SELECT (SELECT tableowner FROM pg_tables WHERE tablename = 'orders'),
		(SELECT count(*) FROM pg_roles WHERE rolsuper AND rolname IN ('orders_app', 'dradmin'))`).Scan(&owner, &super); err != nil {
		t.Fatal(err)
	}
	if owner != scenario.ApplicationUser || super != 0 {
		t.Errorf("orders belongs to %q, and %d of the roles are superusers", owner, super)
	}
	open, err := session(t, s, d, d.Application, d.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := master.Exec(t.Context(), "ALTER ROLE orders_app NOLOGIN"); err != nil {
		t.Errorf("the master user cannot take a role's login: %v", err)
	}
	var ended bool
	if err := master.QueryRow(t.Context(), "SELECT pg_terminate_backend($1)", open.PgConn().PID()).Scan(&ended); err != nil || !ended {
		t.Errorf("the master user cannot end a session: %t, %v", ended, err)
	}
	if _, err := session(t, s, d, d.Application, d.Endpoint); err == nil {
		t.Error("a role without LOGIN logs in")
	}
}
