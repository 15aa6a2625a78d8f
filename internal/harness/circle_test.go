// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// TestCircle goes round three times: the region is lost, the application fails
// over, the region comes back, the old writer is fenced and retired and a
// replica built in its place, the application goes home, and the other region
// is protected again. After every step there is nothing left to do; each turn
// promotes each member once.
func TestCircle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.planned()
	home := r.wayHome()
	r.activate(scenario.PrimaryRegion)
	r.apply()
	r.emptyPlan()
	r.reprotect(home, scenario.PrimaryRegion) // adopts
	r.kept(t, 0, 0)
	for turn := 1; turn <= 3 && !t.Failed(); turn++ {
		t.Logf("turn %d", turn)
		r.Mode = "unplanned"
		r.lose(engine.Down)
		r.apply()
		r.emptyPlan()
		r.turned(turn, turn-1, scenario.StandbyRegion)

		r.s.Engine().SetRegion(scenario.PrimaryRegion, engine.Up)
		r.apply() // the fence, as far as it was not reached
		r.emptyPlan()
		r.reprotect(home, scenario.StandbyRegion)
		r.kept(t, turn, turn-1)

		r.Mode = "planned"
		r.activate(scenario.PrimaryRegion)
		r.apply()
		r.emptyPlan()
		r.turned(turn, turn, scenario.PrimaryRegion)
		r.reprotect(home, scenario.PrimaryRegion)
		r.kept(t, turn, turn)
	}
	if t.Failed() {
		t.Logf("calls:\n%s", r.calls())
	}
}
