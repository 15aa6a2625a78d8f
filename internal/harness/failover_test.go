// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// TestFailover is the clean case that all others are compared with.
func TestFailover(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.activate(scenario.PrimaryRegion)
	r.apply()
	r.emptyPlan()
	r.s.Engine().ResetCalls()
	r.lose(engine.Down)
	result := r.apply()
	t.Logf("failed over in %v:\n%s\n%s", result.Wall, result.Output, r.calls())
	r.failedOver()
	r.emptyPlan()
}
