// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drstate/terraform-provider-dr/internal/harness"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// oneDatabase fails over one database and one record, by the provider and by the
// runbook typed as a script.
func oneDatabase(ctx context.Context, b *bench) error {
	ours, used, err := b.byProvider(ctx)
	if err != nil {
		return err
	}
	t := table{title: fmt.Sprintf("One database and one record, us-east-1 down; AWS %g times as fast", b.scale), head: []string{"", "measured", "aim", "ratio"}}
	breakdown(&t, ours.timeline, used)
	t.notes = []string{"That us-east-1 does not answer is found out twice, by the plan and by the apply, in region_timeout (3 s) each."}
	b.tables = append(b.tables, t)
	listed, used, err := b.byProvider(ctx, east)
	if err != nil {
		return err
	}
	t = table{title: "The same, with us-east-1 listed in failed_regions", head: t.head}
	breakdown(&t, listed.timeline, used)
	b.tables = append(b.tables, t)
	if none := missing(); none != "" {
		b.skip("the runbook as a shell script", "not on PATH: "+none)
		return nil
	}
	typed, err := b.byScript(ctx)
	if err != nil {
		return err
	}
	b.compare(ours, typed)
	return nil
}

// outcome of a failover, however it was done.
type outcome struct {
	timeline
	first, again harness.Result
	retention    int32
}

func (b *bench) byProvider(ctx context.Context, failed ...string) (o outcome, used usage, err error) {
	w, err := b.newWorld(ctx, b.scale, 1)
	if err != nil {
		return o, used, err
	}
	defer func() { _ = w.Close() }()
	w.verify()
	if err := w.steady(ctx); err != nil {
		return o, used, err
	}
	w.config.FailedRegions = append(w.config.FailedRegions, failed...)
	if err := w.lose(engine.Down); err != nil {
		return o, used, err
	}
	if o.timeline, used, err = w.failover(ctx); err != nil {
		return o, used, err
	}
	o.again = w.w.Apply(ctx)
	o.retention, err = w.retention()
	return o, used, err
}

func (b *bench) byScript(ctx context.Context) (o outcome, err error) {
	w, err := b.newWorld(ctx, b.scale, 1)
	if err != nil {
		return o, err
	}
	defer func() { _ = w.Close() }()
	w.Engine().SetRegion(east, engine.Down)
	h := w.watch(ctx)
	defer h.stop()
	start := time.Now()
	if o.first, err = w.typed(ctx); err != nil {
		return o, err
	}
	end := time.Now()
	// What the script has begun goes on after it.
	for deadline := time.After(10 * time.Minute); !w.serves(ctx) || !w.Route53().InSync(scenario.ZoneID); {
		select {
		case <-ctx.Done():
			return o, ctx.Err()
		case <-deadline:
			return o, fmt.Errorf("the script's failover was never finished:\n%s", o.first.Output)
		case <-time.After(look):
		}
	}
	time.Sleep(2 * look)
	h.stop()
	o.timeline = h.timeline(start, end)
	if o.again, err = w.typed(ctx); err != nil {
		return o, err
	}
	o.retention, err = w.retention()
	return o, err
}

// retention of the new writer's backups, in days.
func (w *world) retention() (int32, error) {
	db, err := w.RDS().Describe(engine.WorkloadAccount, west, scenario.ReplicaID)
	return aws.ToInt32(db.BackupRetentionPeriod), err
}

// compare puts the two side by side.
func (b *bench) compare(ours, typed outcome) {
	t := table{title: "The same, beside the runbook typed as a shell script (AWS CLI with its waiters)"}
	t.head = []string{"", "dr provider", "shell script", "ratio"}
	wall := func(o outcome) time.Duration { return o.end.Sub(o.start) }
	t.add("the command ends after", seconds(wall(ours)), seconds(wall(typed)), ratio(wall(ours), wall(typed)))
	t.add("customers are sent to us-west-2 after", seconds(ours.sent.Sub(ours.start)), seconds(typed.sent.Sub(typed.start)),
		ratio(ours.sent.Sub(ours.start), typed.sent.Sub(typed.start)))
	t.add("customers are served again after", seconds(ours.served.Sub(ours.start)), seconds(typed.served.Sub(typed.start)),
		ratio(ours.served.Sub(ours.start), typed.served.Sub(typed.start)))
	t.add("sent to a database that refuses writes for", seconds(ours.served.Sub(ours.sent)), seconds(typed.served.Sub(typed.sent)), "")
	t.add("exit status", "0", ended(typed.first), "")
	t.add("exit status when run again, all being done", ended(ours.again), ended(typed.again), "")
	t.add("backups kept by the new writer (7 days before)", fmt.Sprintf("%d days", ours.retention), fmt.Sprintf("%d days", typed.retention), "")
	t.add("loss estimated, and a limit kept", "yes", "no", "")
	t.add("asks whether the source is really lost", "yes", "no", "")
	t.notes = []string{
		"The waiter db-instance-available returns at once if the instance still says available just after the call, as RDS lets it;",
		"the script then moves DNS to a read replica. The waiters look every 30 s of wall time, whatever the time scale.",
	}
	b.tables = append(b.tables, t)
}
