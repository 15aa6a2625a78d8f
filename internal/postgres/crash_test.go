// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// killer ends the connection before or after the n-th statement has taken
// effect, as the death of the process would.
type killer struct {
	at    int
	after bool
	seen  int
	all   []string
	sql   string // of the statement at which it struck
}

func (k *killer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	k.all = append(k.all, data.SQL)
	if k.seen++; k.seen == k.at {
		k.sql = data.SQL
		if !k.after {
			_ = conn.PgConn().Conn().Close()
		}
	}
	return ctx
}

func (k *killer) TraceQueryEnd(_ context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	if k.seen == k.at && k.after {
		_ = conn.PgConn().Conn().Close()
	}
}

// A run is killed before and after each of its statements. The next one
// converges, in both directions.
func TestAKilledRunConverges(t *testing.T) {
	t.Parallel()
	for _, fenced := range []bool{true, false} {
		t.Run(fmt.Sprintf("fenced=%t", fenced), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			whole := &killer{}
			w.kill(t, whole, fenced)
			if whole.seen < 10 {
				t.Fatalf("a run has %d statements", whole.seen)
			}
			var mu sync.Mutex
			statements := map[string]bool{}
			var runs sync.WaitGroup
			slots := make(chan struct{}, 8)
			looks := []string{selfQuery, rolesQuery, markersQuery, sessionsQuery}
			for n, sql := range whole.all {
				for _, after := range []bool{false, true} {
					if after && slices.Contains(looks, sql) {
						continue // nothing has taken effect: the same as before the next
					}
					runs.Go(func() {
						slots <- struct{}{}
						defer func() { <-slots }()
						k := &killer{at: n + 1, after: after}
						w.kill(t, k, fenced)
						mu.Lock()
						defer mu.Unlock()
						if k.sql != "" {
							statements[strings.ToUpper(strings.Fields(k.sql)[0])] = true
						}
					})
				}
			}
			runs.Wait()
			want := []string{"BEGIN", "COMMIT", "ALTER", "DROP"}
			if fenced {
				want = []string{"BEGIN", "COMMIT", "ALTER", "CREATE", "COMMENT", "SELECT"}
			}
			for _, word := range want {
				if !statements[word] {
					t.Errorf("no run was killed at %s: %v", word, statements)
				}
			}
		})
	}
}

// kill lets one run be killed on the way to fenced, and checks that the next one
// gets there, and back.
func (w *world) kill(t *testing.T, k *killer, fenced bool) {
	t.Helper()
	had, never := w.role("LOGIN"), w.role("NOLOGIN")
	session := w.open(had)
	defer func() { _ = session.Close(context.Background()) }()
	if !fenced {
		w.ensure(w.spec(true, had, never))
	}
	_, err := w.service(k).EnsureFence(t.Context(), w.spec(fenced, had, never))
	if k.sql == "" && err != nil {
		t.Errorf("a run that was not killed fails: %v", err)
	}
	at := fmt.Sprintf("killed at statement %d (after: %t) %q", k.at, k.after, k.sql)
	for _, step := range []bool{fenced, false} {
		out, err := w.s.EnsureFence(t.Context(), w.spec(step, had, never))
		if want := map[bool]string{true: FenceHeld, false: FenceOpen}[step]; err != nil || out.State != want {
			t.Errorf("%s: the next run leaves it %q, want %s: %v", at, out.State, want, err)
		}
		if w.canLogIn(had) == step || w.canLogIn(never) {
			t.Errorf("%s: then, fenced=%t, the roles log in: %t and %t", at, step, w.canLogIn(had), w.canLogIn(never))
		}
	}
	if w.markers(had, never) != 0 {
		t.Errorf("%s: a record is left", at)
	}
}
