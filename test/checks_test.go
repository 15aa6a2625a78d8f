// SPDX-License-Identifier: MPL-2.0

package test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/miekg/dns"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// connect opens a session with a region's database.
func connect(t *testing.T, aws *sandbox.Sandbox, region string) *pgx.Conn {
	t.Helper()
	databases := aws.Databases()
	i := slices.IndexFunc(databases, func(d sandbox.Database) bool { return d.Region == region })
	if i < 0 {
		t.Fatalf("no database in %s", region)
	}
	d := databases[i]
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, (&url.URL{
		Scheme: "postgres", User: url.UserPassword(d.User, d.Password),
		Host: fmt.Sprintf("%s:%d", d.Host, d.Port), Path: d.Name, RawQuery: "sslmode=disable",
	}).String())
	if err != nil {
		t.Fatalf("connecting to %s in %s: %v", d.Identifier, region, err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// insertOrders commits n orders and returns their ids.
func insertOrders(t *testing.T, aws *sandbox.Sandbox, region string, n int) []string {
	t.Helper()
	conn := connect(t, aws, region)
	if _, err := conn.Exec(t.Context(), `CREATE TABLE IF NOT EXISTS orders (
		id uuid PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT clock_timestamp())`); err != nil {
		t.Fatalf("making the table in %s: %v", region, err)
	}
	rows, err := conn.Query(t.Context(),
		`INSERT INTO orders (id) SELECT gen_random_uuid() FROM generate_series(1, $1) RETURNING id::text`, n)
	if err != nil {
		t.Fatalf("writing to %s: %v", region, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("writing to %s: %v", region, err)
	}
	return ids
}

func ordersIn(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT id::text FROM orders`)
	if err != nil {
		return nil // a replica may not have the table yet
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil
	}
	return ids
}

// waitForOrders waits until a region's database has n orders.
func waitForOrders(t *testing.T, aws *sandbox.Sandbox, region string, n int) {
	t.Helper()
	conn := connect(t, aws, region)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if len(ordersIn(t, conn)) >= n {
			return
		}
	}
	t.Fatalf("%s does not have %d orders after 20 s", region, n)
}

// wantOrders checks that no acknowledged order is missing.
func wantOrders(t *testing.T, aws *sandbox.Sandbox, region string, ids []string) {
	t.Helper()
	have := ordersIn(t, connect(t, aws, region))
	missing := 0
	for _, id := range ids {
		if !slices.Contains(have, id) {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d orders are missing in %s", missing, len(ids), region)
	}
}

// wantReplica checks which side of replication a database is on.
func wantReplica(t *testing.T, aws *sandbox.Sandbox, region string, want bool) {
	t.Helper()
	var got bool
	if err := connect(t, aws, region).QueryRow(t.Context(), `SELECT pg_is_in_recovery()`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the database in %s is in recovery: %v, want %v", region, got, want)
	}
}

// wantPromotions checks how often the irreversible call took effect.
func wantPromotions(t *testing.T, aws *sandbox.Sandbox, want int) {
	t.Helper()
	if got := aws.RDS().PromotionCount(engine.WorkloadAccount, standby, scenario.ReplicaID); got != want {
		t.Errorf("%s was promoted %d times, want %d", scenario.ReplicaID, got, want)
	}
}

// wantAddress asks the zone's name server where the application is.
func wantAddress(t *testing.T, aws *sandbox.Sandbox, region string) {
	t.Helper()
	question := new(dns.Msg).SetQuestion("app.example.com.", dns.TypeA)
	answer, err := dns.ExchangeContext(t.Context(), question, aws.DNSAddr())
	if err != nil {
		t.Fatalf("asking for app.example.com: %v", err)
	}
	want := address(t, aws, region)
	if len(answer.Answer) != 1 {
		t.Fatalf("app.example.com has %d answers, want %s alone: %v", len(answer.Answer), want, answer.Answer)
	}
	if a, ok := answer.Answer[0].(*dns.A); !ok || a.A.String() != want {
		t.Errorf("app.example.com is %v, want %s in %s", answer.Answer[0], want, region)
	}
}

func application(t *testing.T, aws *sandbox.Sandbox, region string) *url.URL {
	t.Helper()
	for _, app := range aws.Applications() {
		if app.Region == region {
			u, err := url.Parse(app.HTTPS)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
	}
	t.Fatalf("no application in %s", region)
	return nil
}

func address(t *testing.T, aws *sandbox.Sandbox, region string) string {
	t.Helper()
	return application(t, aws, region).Hostname()
}

// wantHealthy checks that the application can write.
func wantHealthy(t *testing.T, aws *sandbox.Sandbox, region string) {
	t.Helper()
	pem, err := os.ReadFile(aws.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "app.example.com", MinVersion: tls.VersionTLS12},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, application(t, aws, region).String()+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	// The application gives its database 2 s, which a busy machine may need
	// more than once.
	said := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		answer, err := client.Do(request)
		if err != nil {
			said = err.Error()
			continue
		}
		_ = answer.Body.Close()
		if said = answer.Status; answer.StatusCode == http.StatusOK {
			return
		}
	}
	t.Errorf("the application in %s is not healthy after 20 s: %s", region, said)
}

// wantRefusal checks that an apply failed, and for the reason it should.
func wantRefusal(t *testing.T, said string, err error, reason string) {
	t.Helper()
	if err == nil {
		t.Fatalf("the apply went through:\n%s", said)
	}
	if !strings.Contains(said+err.Error(), reason) {
		t.Errorf("the refusal does not name %s:\n%s\n%v", reason, said, err)
	}
}
