// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// estimated finds the plan's own words on the loss it expects.
func estimated(plan string) string {
	if m := regexp.MustCompile(`estimated loss [0-9.]+ s[^)\n]*`).FindString(plan); m != "" {
		return strings.TrimPrefix(m, "estimated loss ")
	}
	return ""
}

// surviving reads the rows that the new writer holds: their ids, and when the
// last of them was committed.
func (r *rehearsal) surviving(ctx context.Context) (map[string]bool, error) {
	for _, d := range r.sandbox.ready.Databases {
		if d.Region != standby {
			continue
		}
		u := url.URL{
			Scheme: "postgres", User: url.UserPassword(d.User, d.Password),
			Host: d.Host + ":" + strconv.Itoa(d.Port), Path: d.Name,
			RawQuery: "connect_timeout=5&sslmode=disable",
		}
		conn, err := pgx.Connect(ctx, u.String())
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", d.Identifier, err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		rows, err := conn.Query(ctx, "SELECT id::text FROM orders")
		if err != nil {
			return nil, fmt.Errorf("reading the rows of %s: %w", d.Identifier, err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("reading the rows of %s: %w", d.Identifier, err)
		}
		held := make(map[string]bool, len(ids))
		for _, id := range ids {
			held[id] = true
		}
		return held, nil
	}
	return nil, fmt.Errorf("the sandbox has no database in %s", standby)
}

// report prints what happened, and fails if any of it is not as promised.
func (r *rehearsal) report(ctx context.Context, secondPlanEmpty bool) error {
	acked, failed, _ := r.writer.snapshot()
	firstFailed, firstGood, _ := outage(acked, failed, r.lost, standby)
	held, err := r.surviving(ctx)
	if err != nil {
		return err
	}
	calls, err := r.sandbox.calls(ctx)
	if err != nil {
		return err
	}
	r.timeline.add(firstFailed, "the client's first row fails")
	r.timeline.add(firstGood, "the client's first row is acknowledged by %s", standby)
	aws := r.addCalls(calls, firstGood)

	w := r.progress.w
	fmt.Fprintf(w, "\nTimeline (wall time; zero is the loss of %s)\n", primary)
	r.timeline.print(w, r.lost)

	var lost []ack
	for _, a := range acked {
		if !held[a.id] {
			lost = append(lost, a)
		}
	}
	actual := "none"
	if len(lost) > 0 {
		actual = fmt.Sprintf("what was acknowledged in the last %.1f s before the loss of the region", max(0.1, r.lost.Sub(lost[0].at).Seconds()))
	}
	recovery := firstGood.Sub(firstFailed)
	promotions := effective(calls, "PromoteReadReplica", r.lost)
	toPrimary := slices.ContainsFunc(calls, func(c call) bool {
		return c.Time.After(r.planned) && c.Region == primary && c.Outcome == "ok"
	})

	fmt.Fprintf(w, "\nRecovery, as the client saw it (through DNS, TTL honoured)\n")
	fmt.Fprintf(w, "  wall time                  %s from the first failed row to the first good one\n", seconds(recovery))
	fmt.Fprintf(w, "  of which before the plan   %s (people's time, to notice and to decide: here next to nothing)\n", seconds(detection))
	fmt.Fprintf(w, "  of which AWS, simulated    %s on this machine, which stands for %s\n", seconds(aws), minutes(time.Duration(float64(aws)*r.scale)))
	fmt.Fprintf(w, "  the same on AWS, about     %s (what AWS takes, undivided, and the rest as measured here)\n",
		minutes(time.Duration(float64(aws)*r.scale)+max(0, recovery-aws)))
	fmt.Fprintf(w, "\nRows\n")
	fmt.Fprintf(w, "  acknowledged               %d (%d by %s, %d by %s)\n", len(acked), countFrom(acked, primary), primary, countFrom(acked, standby), standby)
	fmt.Fprintf(w, "  refused to the client      %d (never acknowledged, so not lost)\n", len(failed))
	fmt.Fprintf(w, "  acknowledged, then lost    %d\n", len(lost))
	fmt.Fprintf(w, "  loss as the plan estimated %s\n", r.estimate)
	fmt.Fprintf(w, "  loss as it was             %s\n", actual)
	fmt.Fprintf(w, "\nPromises\n")

	var broken []error
	kept := 0
	check := func(ok bool, format string, args ...any) {
		mark, text := "ok    ", fmt.Sprintf(format, args...)
		if ok {
			kept++
		} else {
			mark = "BROKEN"
			broken = append(broken, errors.New(text))
		}
		fmt.Fprintf(w, "  %s  %s\n", mark, text)
	}
	check(secondPlanEmpty, "the second plan is empty")
	check(promotions == 1, "PromoteReadReplica took effect once (%d)", promotions)
	check(!toPrimary, "nothing that %s answered was needed", primary)
	if r.by == healthCheck {
		check(!slices.ContainsFunc(calls, func(c call) bool {
			return c.Time.After(r.planned) && c.Service == "route53" && c.Outcome == "ok"
		}), "nothing that Route 53's API answered was needed")
		check(effective(calls, "PutMetricData", r.planned) >= 1, "DNS was moved by a datum in %s", standby)
	}
	check(!firstFailed.IsZero() && !firstGood.IsZero(), "the client found %s through DNS", standby)
	check(r.estimate != "", "the plan named an estimated loss")
	limit := estimateSeconds(r.estimate)
	check(len(lost) == 0 || r.lost.Sub(lost[0].at) <= limit+time.Second, "the actual loss is within the estimate")
	check(countFrom(acked, primary) > 0 && len(failed) > 0, "rows were being written when the region was lost")
	fmt.Fprintf(w, "promises: %d passed, %d failed\n", kept, len(broken))
	if len(broken) > 0 {
		return errors.Join(broken...)
	}
	fmt.Fprintf(w, `
Next
  make demo DEMO_ARGS=--blackhole     the region swallows packets instead of refusing
  make demo DEMO_ARGS=--switch=health_check     DNS moves although Route 53's API is gone too
  make demo DEMO_ARGS=--keep          keep the logs, plans and state to look at
  bin/dr-sandbox up --scenario two-region     the same simulated AWS, to play with by hand
  examples/atmos/README.md            how to adapt the project to your own account
`)
	return nil
}

// addCalls puts the mutating calls of the failover onto the timeline and returns
// the wall time that AWS's own lifecycles took: from the promotion's call to
// the first describe that showed it done, and from the record's change to INSYNC,
// or from a switch's datum to the first row by the name.
func (r *rehearsal) addCalls(calls []call, firstGood time.Time) time.Duration {
	var aws time.Duration
	var promoted, changed, datum time.Time
	var lastDescribe, lastGetChange time.Time
	for _, c := range calls {
		if c.Time.Before(r.planned) || c.Time.After(r.finished) || c.Outcome != "ok" {
			continue
		}
		switch c.Operation {
		case "PromoteReadReplica":
			promoted = c.Time
			r.timeline.add(c.Time, "AWS accepts PromoteReadReplica (%s)", c.Region)
		case "DescribeDBInstances":
			if !promoted.IsZero() && changed.IsZero() {
				lastDescribe = c.Time
			}
		case "PutMetricData":
			r.timeline.add(c.Time, "AWS accepts PutMetricData (%s)", c.Region)
			if datum.IsZero() {
				datum = c.Time
			}
		case "ChangeResourceRecordSets":
			if !promoted.IsZero() {
				changed = c.Time
				r.timeline.add(c.Time, "AWS accepts ChangeResourceRecordSets")
			}
		case "GetChange":
			if !changed.IsZero() {
				lastGetChange = c.Time
			}
		}
	}
	if !promoted.IsZero() && lastDescribe.After(promoted) {
		r.timeline.add(lastDescribe, "the promoted database is available")
		aws += lastDescribe.Sub(promoted)
	}
	if !changed.IsZero() && lastGetChange.After(changed) {
		r.timeline.add(lastGetChange, "the record is INSYNC")
		aws += lastGetChange.Sub(changed)
	}
	if !datum.IsZero() && firstGood.After(datum) {
		aws += firstGood.Sub(datum)
	}
	return aws
}

func effective(calls []call, operation string, after time.Time) int {
	n := 0
	for _, c := range calls {
		if c.Operation == operation && c.Outcome == "ok" && c.Time.After(after) {
			n++
		}
	}
	return n
}

func countFrom(acked []ack, region string) int {
	n := 0
	for _, a := range acked {
		if a.from == region {
			n++
		}
	}
	return n
}

func estimateSeconds(s string) time.Duration {
	fields := strings.Fields(s)
	if len(fields) < 2 {
		return 0
	}
	f, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}
