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

// TestTurnWithRows goes round once with real databases, and counts their rows
// at each step.
func TestTurnWithRows(t *testing.T) {
	t.Parallel()
	r := newRigIn(t, sandbox.Options{})
	r.planned()
	home := r.wayHome()
	east, west := scenario.PrimaryRegion, scenario.StandbyRegion
	r.activate(east)
	r.apply()
	r.reprotect(home, east)
	r.write(east, 20)
	r.rows(west, 20)

	r.Mode = "unplanned"
	r.lose(engine.Down)
	r.apply()
	r.rows(west, 20)
	r.write(west, 15)

	r.s.Engine().SetRegion(east, engine.Up)
	r.apply()
	r.reprotect(home, west)
	r.kept(t, 1, 0)
	r.rows(east, 35)
	r.write(west, 5)
	r.rows(east, 40)

	r.Mode = "planned"
	r.activate(east)
	r.apply()
	r.turned(1, 1, east)
	r.rows(east, 40)
	r.write(east, 7)

	r.reprotect(home, east)
	r.kept(t, 1, 1)
	r.rows(west, 47)
	r.write(east, 3)
	r.rows(west, 50)
	r.rows(east, 50)
	if t.Failed() {
		t.Logf("calls:\n%s", r.calls())
	}
}
