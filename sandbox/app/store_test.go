// SPDX-License-Identifier: MPL-2.0

package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

func call(ctx context.Context, h http.Handler, method, path, body string) (int, map[string]any) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	var out map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out
}

// A real database and its replica: only the writer's application is healthy and
// takes orders, what was acknowledged is there, and a promotion turns the
// replica's application healthy.
func TestPostgresStore(t *testing.T) {
	t.Parallel()
	m, err := postgres.Open(t.Context(), postgres.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	primary, err := m.Create(t.Context(), postgres.Spec{Name: "orders", User: "dradmin", Password: "correct-horse", Database: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	replica, err := m.CreateReplica(t.Context(), "orders-usw2", primary, primary.Addr())
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{})
	t.Cleanup(func() { _ = e.Close() })
	application := func(region, host string, server *postgres.Server) http.Handler {
		_, text, _ := net.SplitHostPort(server.Addr())
		port, _ := strconv.Atoi(text)
		e.Network.SetName(host, net.IPv4(127, 0, 0, 1))
		store, err := app.Postgres(app.Connection{
			Host: host, Port: port, User: "dradmin", Password: "correct-horse", Database: "orders", Lookup: e.Network.LookupName,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		return app.Handler(region, store)
	}
	east := application("us-east-1", "orders.acme.us-east-1.rds.amazonaws.com", primary)
	west := application("us-west-2", "orders-usw2.acme.us-west-2.rds.amazonaws.com", replica)
	within := func(ok func() bool) bool {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if ok() {
				return true
			}
		}
		return false
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		if !within(ok) {
			t.Fatal("waited in vain for: " + what)
		}
	}

	// The table does not exist yet, and many ask at once: on a busy machine
	// the database may need more than a request's 2 s.
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			var status int
			var body map[string]any
			if !within(func() bool {
				status, body = call(t.Context(), east, "POST", "/orders", `{"id":"`+id+`"}`)
				return status == 201
			}) || body["id"] != id {
				t.Errorf("order %d: %d %v", i, status, body)
			}
			if !within(func() bool { status, body = call(t.Context(), east, "GET", "/health", ""); return status == 200 }) || body["writable"] != true {
				t.Errorf("health: %d %v", status, body)
			}
		})
	}
	wg.Wait()
	var status int
	var body map[string]any
	if !within(func() bool { status, body = call(t.Context(), east, "GET", "/orders/count", ""); return status == 200 }) || body["count"] != float64(8) {
		t.Errorf("the checks of health count as orders: %v", body)
	}
	within(func() bool {
		status, body = call(t.Context(), west, "GET", "/health", "")
		return strings.Contains(fmt.Sprint(body["reason"]), "read-only")
	})
	if status != 503 || body["writable"] != false || body["region"] != "us-west-2" || !strings.Contains(fmt.Sprint(body["reason"]), "read-only") {
		t.Errorf("the replica's health: %d %v", status, body)
	}
	if status, _ := call(t.Context(), west, "POST", "/orders", order); status != 503 {
		t.Errorf("an order at the replica: %d", status)
	}
	await("the rows on the replica", func() bool {
		_, body := call(t.Context(), west, "GET", "/orders/count", "")
		return body["count"] == float64(8)
	})

	if err := primary.Stop(); err != nil {
		t.Fatal(err)
	}
	if status, body := call(t.Context(), east, "POST", "/orders", order); status != 503 {
		t.Errorf("an order without a database: %d %v", status, body)
	}
	if err := replica.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	await("the promoted replica's application", func() bool {
		status, _ := call(t.Context(), west, "GET", "/health", "")
		return status == 200
	})
	if status, body := call(t.Context(), west, "POST", "/orders", order); status != 201 {
		t.Errorf("an order after the promotion: %d %v", status, body)
	}
	if _, body := call(t.Context(), west, "GET", "/orders/count", ""); body["count"] != float64(9) {
		t.Errorf("after the promotion: %v", body)
	}
}
