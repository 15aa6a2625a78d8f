// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const (
	addedAim = 2 * time.Second
	// estateHaste keeps a run short: an estate's promotions differ from one
	// database's in number, not in length.
	estateHaste = 4
)

// failover applies, watched.
func (w *world) failover(ctx context.Context) (timeline, usage, error) {
	h := w.watch(ctx)
	defer h.stop()
	before := processor()
	start := time.Now()
	p, err := w.w.Start(ctx, "apply", "-input=false", "-no-color", "-auto-approve", parallelism)
	if err != nil {
		return timeline{}, usage{}, err
	}
	seen := make(chan usage)
	over := make(chan struct{})
	go func() { seen <- observe(p, over) }()
	r := p.Wait()
	end := time.Now()
	close(over)
	used := <-seen
	used.sandbox = processor() - before
	if err := said("the failover's apply", r, 0); err != nil {
		return timeline{}, usage{}, err
	}
	h.stop()
	return h.timeline(start, end), used, nil
}

// estate fails over many databases and records in one apply.
func estate(ctx context.Context, b *bench) error {
	scale := estateHaste * b.scale
	w, err := b.newWorld(ctx, scale, b.databases)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	if err := w.steady(ctx); err != nil {
		return err
	}
	if err := w.lose(engine.Down); err != nil {
		return err
	}
	t, used, err := w.failover(ctx)
	if err != nil {
		return err
	}
	table := table{title: fmt.Sprintf("Estate: %d databases and %d records in one apply, us-east-1 down; AWS %g times as fast", b.databases, b.databases, scale)}
	table.head = []string{"", "measured", "aim", "ratio"}
	breakdown(&table, t, used)
	without, err := b.alone(ctx, b.databases)
	if err != nil {
		return err
	}
	table.add("Terraform alone, as many resources that call nothing", seconds(without), "", "")
	table.add("promotions / calls of AWS in all", fmt.Sprintf("%d / %d", t.promotions, t.calls), "", "")
	table.notes = append(table.notes, "What Terraform needs alone is part of what is added, whoever provides the resources.")
	b.tables = append(b.tables, table)
	return nil
}

// breakdown shows where an apply's time went.
func breakdown(table *table, t timeline, used usage) {
	table.add("apply, wall time", seconds(t.end.Sub(t.start)), "", "")
	table.add("of which AWS imposes (slowest promotion + INSYNC)", seconds(t.imposed()), "", "")
	table.add("added in all", seconds(t.added()), "<= "+seconds(addedAim), ratio(t.added(), addedAim))
	table.add("  start, refresh, plan, gates: until the first promotion is asked for", seconds(t.first.Sub(t.start)), "", "")
	table.add("  until the last one is asked for", seconds(t.last.Sub(t.first)), "", "")
	table.add("  from the last writer to the last change of records", seconds(t.changed.Sub(t.promoted)), "", "")
	table.add("  from INSYNC to the end", seconds(t.end.Sub(t.synced)), "", "")
	table.add("processor time of Terraform / providers / sandbox",
		seconds(used.terraform)+" / "+seconds(used.providers)+" / "+seconds(used.sandbox), "", "")
	table.add("peak memory of a provider process", mega(used.memory), "< "+mega(memoryAim), ratio(used.memory, memoryAim))
}
