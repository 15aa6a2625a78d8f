// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// watch sees from inside the sandbox what happens when, and from outside what
// the customers of the application see.
type watch struct {
	w      *world
	cancel context.CancelFunc
	done   sync.WaitGroup

	writerAt map[string]time.Time // by replica
	changes  int
	syncedAt time.Time // the zone serves what it was last told
	sent     time.Time // the name leads to us-west-2
	served   time.Time // … and the application there can write
}

const look = 50 * time.Millisecond

func (w *world) watch(ctx context.Context) *watch {
	h := &watch{w: w, writerAt: map[string]time.Time{}, changes: w.Route53().EffectiveBatches(scenario.ZoneID)}
	ctx, h.cancel = context.WithCancel(ctx)
	h.done.Go(func() { every(ctx, h.inside) })
	h.done.Go(func() { every(ctx, func() { h.outside(ctx) }) })
	return h
}

// stop ends the watch. What it saw may be read then.
func (h *watch) stop() {
	h.cancel()
	h.done.Wait()
}

func every(ctx context.Context, f func()) {
	for tick := time.Tick(look); ctx.Err() == nil; {
		f()
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
}

func (h *watch) inside() {
	for _, d := range h.w.RDS().Databases() {
		if d.Region == west && d.Source == "" && d.Status == "available" && h.writerAt[d.Identifier].IsZero() {
			h.writerAt[d.Identifier] = time.Now()
		}
	}
	switch n := h.w.Route53().EffectiveBatches(scenario.ZoneID); {
	case n > h.changes:
		h.changes, h.syncedAt = n, time.Time{}
	case h.syncedAt.IsZero() && h.w.Route53().InSync(scenario.ZoneID):
		h.syncedAt = time.Now()
	}
}

func (h *watch) outside(ctx context.Context) {
	if h.sent.IsZero() && h.w.leadsTo(ctx) == h.w.addresses[west] {
		h.sent = time.Now()
	}
	if !h.sent.IsZero() && h.served.IsZero() && h.w.serves(ctx) {
		h.served = time.Now()
	}
}

// timeline is a failover as it was.
type timeline struct {
	start, end        time.Time
	first, last       time.Time     // PromoteReadReplica calls
	promoted          time.Time     // the last replica is a writer
	longest           time.Duration // the slowest promotion
	changed, synced   time.Time     // the last change of records
	sent, served      time.Time
	promotions, calls int
}

// timeline reads the calls since start, too.
func (h *watch) timeline(start, end time.Time) timeline {
	t := timeline{start: start, end: end, synced: h.syncedAt, sent: h.sent, served: h.served}
	for _, c := range h.w.Engine().Calls() {
		t.calls++
		switch {
		case c.Operation == "PromoteReadReplica" && c.TookEffect:
			if t.first.IsZero() {
				t.first = c.Time
			}
			t.last = c.Time
			t.promotions++
			if at := h.writerAt[c.Params["DBInstanceIdentifier"]]; !at.IsZero() {
				t.longest = max(t.longest, at.Sub(c.Time))
				t.promoted = later(t.promoted, at)
			}
		case c.Operation == "ChangeResourceRecordSets" && c.Outcome == engine.OutcomeOK:
			t.changed = c.Time
		}
	}
	return t
}

// imposed is what AWS itself takes: the slowest promotion and one change.
func (t timeline) imposed() time.Duration { return t.longest + t.synced.Sub(t.changed) }

// added is what the commands took beyond that.
func (t timeline) added() time.Duration { return t.end.Sub(t.start) - t.imposed() }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
