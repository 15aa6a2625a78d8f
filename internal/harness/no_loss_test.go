// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// connect opens a session with a region's real database.
func (r *rig) connect(ctx context.Context, region string) (*pgx.Conn, error) {
	for _, d := range r.s.Databases() {
		if d.Region != region {
			continue
		}
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable", d.Host, d.Port, d.Name))
		if err != nil {
			return nil, err
		}
		config.User, config.Password = d.User, d.Password
		return pgx.ConnectConfig(ctx, config)
	}
	return nil, fmt.Errorf("no database in %s", region)
}

// ledger is what writers were told is written.
type ledger struct {
	mu   sync.Mutex
	rows map[string]time.Time // when it was acknowledged
}

// write writes for as long as it may, whatever happens: a session that fails is
// replaced at once, as a pool does.
func (l *ledger) write(ctx context.Context, r *rig, writer int) {
	var conn *pgx.Conn
	for n := 0; ctx.Err() == nil; n++ {
		row := fmt.Sprintf("%d-%d", writer, n)
		attempt, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		err := error(nil)
		if conn == nil {
			conn, err = r.connect(attempt, scenario.PrimaryRegion)
		}
		if err == nil {
			_, err = conn.Exec(attempt, "INSERT INTO ledger VALUES ($1)", row)
		}
		cancel()
		if err == nil {
			l.mu.Lock()
			l.rows[row] = time.Now()
			l.mu.Unlock()
			continue
		}
		if conn != nil {
			_ = conn.Close(context.Background())
			conn = nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestPlannedMoveUnderLoadLosesNothing moves away from real databases while
// clients write as fast as they can. Whatever was acknowledged is there
// afterwards, sessions from before the fence have ended, and new ones get no
// answer.
func TestPlannedMoveUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRigIn(t, sandbox.Options{})
	r.planned()
	r.activate(scenario.PrimaryRegion)
	r.apply()
	before, err := r.connect(t.Context(), scenario.PrimaryRegion)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = before.Close(context.Background()) }()
	if _, err := before.Exec(t.Context(), "CREATE TABLE ledger (id text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}

	l := &ledger{rows: map[string]time.Time{}}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for writer := range 4 {
		writers.Go(func() { l.write(ctx, r, writer) })
	}
	time.Sleep(500 * time.Millisecond) // of load before the move
	r.s.Engine().ResetCalls()
	r.activate(scenario.StandbyRegion)
	start := time.Now()
	r.apply()
	stop()
	writers.Wait()
	r.failedOver()
	r.fenced(scenario.PrimaryRegion, scenario.PrimaryID)

	late := start
	for _, at := range l.rows {
		if at.After(late) {
			late = at
		}
	}
	if late.Equal(start) {
		t.Error("nothing was acknowledged once the move had begun: this was no load")
	}
	if _, err := before.Exec(t.Context(), "INSERT INTO ledger VALUES ('before')"); err == nil {
		t.Error("a session opened before the fence still writes")
	}
	attempt, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := r.connect(attempt, scenario.PrimaryRegion); err == nil {
		_ = conn.Close(context.Background())
		t.Error("a new session with the old writer begins")
	}

	after, err := r.connect(t.Context(), scenario.StandbyRegion)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = after.Close(context.Background()) }()
	rows, err := after.Query(t.Context(), "SELECT id FROM ledger")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, id := range ids {
		there[id] = true
	}
	for id, at := range l.rows {
		if !there[id] {
			t.Errorf("row %s, acknowledged %s after the move began, is lost", id, at.Sub(start))
		}
	}
	t.Logf("%d rows acknowledged, the last %s after the move began; %d rows in %s", len(l.rows), late.Sub(start), len(ids), scenario.ReplicaID)
}
