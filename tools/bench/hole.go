// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const (
	holeAim   = 10 * time.Second
	holeScale = 600 // AWS's own time is not the question
)

// blackHole plans and applies with us-east-1 healthy, and with it swallowing
// every packet.
func blackHole(ctx context.Context, b *bench) error {
	type run struct{ plan, apply time.Duration }
	measure := func(state engine.RegionState) (r run, err error) {
		w, err := b.newWorld(ctx, holeScale, 1)
		if err != nil {
			return run{}, err
		}
		defer func() { _ = w.Close() }()
		if err := w.steady(ctx); err != nil {
			return run{}, err
		}
		if state == engine.Up {
			w.config.Accept = []string{"healthy_source"}
		}
		if err := w.lose(state); err != nil {
			return run{}, err
		}
		plan := w.w.Plan(ctx, "-out=failover.tfplan")
		if err := said("the plan", plan, 2); err != nil {
			return run{}, err
		}
		apply := w.w.Apply(ctx, "failover.tfplan")
		return run{plan.Wall, apply.Wall}, said("the apply", apply, 0)
	}
	healthy, err := measure(engine.Up)
	if err != nil {
		return err
	}
	hole, err := measure(engine.BlackHoled)
	if err != nil {
		return err
	}
	t := table{title: "us-east-1 black-holed, planning and applying us-west-2 (AWS 600 times as fast)"}
	t.head = []string{"", "healthy", "black-holed", "longer by", "aim", "ratio to aim"}
	row := func(name string, a, b time.Duration, aim, r string) {
		t.add(name, seconds(a), seconds(b), seconds(b-a), aim, r)
	}
	more := hole.plan + hole.apply - healthy.plan - healthy.apply
	row("plan", healthy.plan, hole.plan, "", "")
	row("apply", healthy.apply, hole.apply, "", "")
	row("both", healthy.plan+healthy.apply, hole.plan+hole.apply, "<= "+seconds(holeAim), ratio(more, holeAim))
	b.tables = append(b.tables, t)
	return nil
}
