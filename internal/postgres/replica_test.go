// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// A replica inherits the fence of its source, which cannot be lifted before the
// promotion, and whoever has replayed the record of it is past it.
func TestAReplicaInheritsTheFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	manager, err := postgres.Open(t.Context(), postgres.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	source, err := manager.Create(t.Context(), postgres.Spec{Name: "source", User: "dradmin", Password: canary, Database: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Exec(t.Context(), postgres.Login{User: "dradmin", Password: canary, Database: "orders"},
		"CREATE ROLE app LOGIN PASSWORD "+literal(canary)); err != nil {
		t.Fatal(err)
	}
	replica, err := manager.CreateReplica(t.Context(), "replica", source, source.Addr())
	if err != nil {
		t.Fatal(err)
	}
	at := func(server *postgres.Server, fenced bool) FenceSpec {
		spec := w.spec(fenced, "app")
		_, port, err := net.SplitHostPort(server.Addr())
		if err == nil {
			spec.Port, err = strconv.Atoi(port)
		}
		if err != nil {
			t.Fatal(err)
		}
		spec.SSLMode = Disable
		return spec
	}
	if _, err := w.s.EnsureFence(t.Context(), at(replica, true)); !IsKind(err, KindReplica) {
		t.Errorf("a fence on a replica: %v", err)
	}
	allowed := at(replica, true)
	allowed.AllowReplica = true
	if out, err := w.s.EnsureFence(t.Context(), allowed); err != nil || out.State != FenceReplica || out.Proof(allowed.Target).State != fence.StateOpen {
		t.Errorf("a replica that may stay as it is: %+v, %v", out, err)
	}
	out := w.ensure(at(source, true))
	var replayed string
	for range 200 {
		found, err := w.s.FindFence(t.Context(), at(replica, false))
		if err != nil || found.State != FenceReplica {
			t.Fatalf("a replica: %+v, %v", found, err)
		}
		if lag, err := replica.Replication(t.Context()); err == nil && lag.Known && !time.Now().Add(-lag.Lag).Before(out.Since) {
			replayed = lag.Lag.String()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if replayed == "" {
		t.Error("nobody writes, and the replica's last transaction is not past the fence")
	}
	lifted, err := w.s.EnsureFence(t.Context(), at(replica, false))
	if err != nil || lifted.State != FenceReplica || !warned(lifted, "carries the fence of its source") {
		t.Errorf("lifting on a replica: %+v, %v", lifted, err)
	}
	if err := replica.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := w.s.FindFence(t.Context(), at(replica, false)); err != nil || found.State != FenceHeld {
		t.Errorf("the promoted replica: %+v, %v", found, err)
	}
	w.ensure(at(replica, false))
	login := postgres.Login{User: "app", Password: canary, Database: "orders"}
	if err := replica.Exec(t.Context(), login, "SELECT 1"); err != nil {
		t.Errorf("the promoted replica, lifted: %v", err)
	}
	if err := source.Exec(t.Context(), login, "SELECT 1"); err == nil {
		t.Error("lifting on the promoted replica has opened the source")
	}
	if lag, err := replica.Replication(t.Context()); err != nil || lag.Standby {
		t.Errorf("%+v, %v", lag, err)
	}
}
