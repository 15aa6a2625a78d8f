// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// ask asks a region's application.
func (r *rig) ask(method, region, path, body string) (int, string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	url := strings.TrimSuffix(r.TargetURLs[region], "/health") + path
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// write has a region's application acknowledge so many rows.
func (r *rig) write(region string, rows int) {
	r.t.Helper()
	for range rows {
		b := make([]byte, 16)
		_, _ = rand.Read(b)
		id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		status, said := 0, ""
		for end := time.Now().Add(30 * time.Second); status != http.StatusCreated && time.Now().Before(end); {
			status, said = r.ask("POST", region, "/orders", `{"id":"`+id+`"}`)
		}
		if status != http.StatusCreated {
			r.t.Fatalf("a row in %s: %d %s", region, status, said)
		}
	}
}

// rows waits until a region's database has exactly so many.
func (r *rig) rows(region string, want int) {
	r.t.Helper()
	said := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var answer struct{ Count int }
		_, said = r.ask("GET", region, "/orders/count", "")
		if json.Unmarshal([]byte(said), &answer) == nil && answer.Count == want {
			return
		}
	}
	r.t.Fatalf("%s has %s, want %d rows", region, said, want)
}

// TestTurnsWithRows goes round three times with real databases, and counts their
// rows at each step: what was acknowledged is never missing anywhere.
func TestTurnsWithRows(t *testing.T) {
	t.Parallel()
	r := newRigIn(t, sandbox.Options{})
	r.planned()
	home := r.wayHome()
	east, west := scenario.PrimaryRegion, scenario.StandbyRegion
	r.activate(east)
	r.apply()
	r.reprotect(home, east)
	total := 0
	// written has one region acknowledge rows, and waits for them in the other.
	written := func(region, other string, rows int) {
		t.Helper()
		r.write(region, rows)
		total += rows
		r.rows(region, total)
		r.rows(other, total)
	}
	written(east, west, 20)
	for turn := 1; turn <= 3; turn++ {
		r.Mode = "unplanned"
		r.lose(engine.Down)
		r.apply()
		r.emptyPlan()
		r.rows(west, total)
		r.write(west, 15)
		total += 15

		r.s.Engine().SetRegion(east, engine.Up)
		r.apply()
		r.emptyPlan()
		r.reprotect(home, west)
		r.kept(t, turn, turn-1)
		r.rows(east, total)
		written(west, east, 5)

		r.Mode = "planned"
		r.activate(east)
		r.apply()
		r.emptyPlan()
		r.turned(turn, turn, east)
		r.rows(east, total)
		r.write(east, 7)
		total += 7

		r.reprotect(home, east)
		r.kept(t, turn, turn)
		r.rows(west, total)
		written(east, west, 3)
	}
	if t.Failed() {
		t.Logf("calls:\n%s", r.calls())
	}
}
