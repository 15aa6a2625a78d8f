// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// mendPatience, in poll intervals: how long a replication that broke may take to
// mend itself. The reboot of a source that is being fenced breaks it.
const mendPatience = 300

// gateCatchUp wants a replica that can catch up, before its source is cut off
// for it. Where a fence holds, or an earlier run began one, the source is cut off
// already, and refusing spares nobody: then only what cannot mend itself is
// refused, and the wait sees to the rest.
func (a *Assessment) gateCatchUp(cut bool, lag Lag, lagErr error) {
	const waits = "A planned promotion waits until the replica has everything, "
	i := a.Instance
	switch {
	case i.ReplicationState() == replicationTerminated, !cut && !i.Replicating():
		a.refuse(KindNotReady, FieldIdentifier, waits+"and it replicates nothing: "+i.replicationText()+".", mendReplication, nil)
	case cut, lagErr == nil && lag.Known(StaleAfter):
	case lagErr != nil:
		next := awsclient.Advice(unwrapped(lagErr))
		if next == "" {
			next = "Mend what the cause says, then apply again."
		}
		a.refuse(KindUnknownLoss, "", waits+"and ReplicaLag, which tells when, could not be read.", next, unwrapped(lagErr))
	default:
		a.refuse(KindUnknownLoss, FieldIdentifier, fmt.Sprintf("%sand nothing tells how far it is behind: %s.", waits, lagText(lag, true)),
			"See in RDS whether it replicates. A replica that was just built has its first datum of ReplicaLag after some minutes.", nil)
	}
}

const mendReplication = "Mend the replication, or build the replica anew; RDS gives up one that was broken for 30 days. If the source is lost, set mode = \"unplanned\"."

// replicationText is what RDS says of the replication, a clause.
func (i Instance) replicationText() string {
	text := "its replication is " + i.ReplicationState()
	for _, info := range i.Infos {
		if info.Type == "read replication" && info.Message != "" {
			text += fmt.Sprintf(" (%q)", info.Message)
		}
	}
	return text
}

// awaitReplay waits until the replica has replayed everything that its source
// had at a time: when its fence began to hold, or when the run began.
//
// PostgreSQL's lag is the age of the last transaction replayed, so the datum
// tells the time of that transaction; an idle source commits something of RDS's
// own every few minutes. For other engines the lag is a distance.
func (r *run) awaitReplay(ctx context.Context, i Instance, since time.Time) error {
	r.log(ctx, r.id, "waiting until everything from before is replayed", map[string]any{"before": stamp(since)})
	var brokenAt time.Time
	err := r.lagWaits.Await(ctx, r.id, func(l Lag, _ bool) (bool, error) {
		if l.Known(StaleAfter) && l.replayed(i, since) {
			return true, nil
		}
		return false, r.stuck(ctx, &brokenAt)
	})
	if err != nil && ctx.Err() != nil {
		return r.timedOut(err)
	}
	return err
}

// stuck ends the wait for a replica that will not catch up.
func (r *run) stuck(ctx context.Context, brokenAt *time.Time) error {
	i, err := r.Find(ctx, r.id)
	switch {
	case err != nil:
		return nil //nolint:nilerr // the wait goes by the lag; this only ends it early
	case !i.IsReplica() || i.Replicating():
		*brokenAt = time.Time{}
		return nil
	case brokenAt.IsZero():
		*brokenAt = time.Now()
	}
	if i.ReplicationState() != replicationTerminated && !broken(i.Status) && time.Since(*brokenAt) < mendPatience*r.options.PollInterval {
		return nil
	}
	return &Error{
		Kind: KindNotReady, Field: FieldIdentifier, Attempted: r.attempted(), ID: r.id, Region: r.region, Done: r.done(),
		Reason: fmt.Sprintf("It does not catch up with its source: it is %s, and %s.", i.Status, i.replicationText()),
		Next:   mendReplication + " A fence of the source stays until it is lifted: what was asked for before the move lets its clients in again.",
	}
}

// replayed says that a replica has everything from before a time.
//
// A MySQL replica's lag is against what it has received: one datum of 0 may be
// of a replica that is short of the last changes. So it takes zeros for as long
// as the source, which writes nothing any more, needs to send them.
// https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html
func (l Lag) replayed(i Instance, since time.Time) bool {
	if i.isPostgreSQL() {
		return !l.At.Add(-time.Duration(l.Seconds * float64(time.Second))).Before(since)
	}
	for _, d := range l.newest {
		if d.at.Before(since) || d.seconds < 0 || d.seconds >= 1 {
			return false
		}
	}
	return true
}
