// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// replication makes a hook that gives the replica's replication a status.
func replication(status string) func(*cloud, *rds.Spec) {
	return replicaIs(func(db *types.DBInstance) {
		db.StatusInfos = []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: &status, Message: aws.String("no space left")}}
	})
}

// TestPlannedPromotionWantsAReplicaThatCanCatchUp before its source is cut off,
// and asks less of one whose source is cut off already.
func TestPlannedPromotionWantsAReplicaThatCanCatchUp(t *testing.T) {
	t.Parallel()
	denied := func(c *cloud, _ *rds.Spec) {
		c.fail = only(west, "GetMetricData", refusal("AccessDenied", "not authorized: cloudwatch:GetMetricData"))
	}
	for name, test := range map[string]struct {
		prepare func(*cloud, *rds.Spec)
		kind    rds.Kind
		field   string
		text    string
		held    bool   // refused even if a fence holds, or is half made
		warns   string // if not: in the warning's summary
	}{
		"terminated":  {replication("terminated"), rds.KindNotReady, rds.FieldIdentifier, `its replication is terminated ("no space left")`, true, ""},
		"stopped":     {replication("stopped"), rds.KindNotReady, rds.FieldIdentifier, "its replication is stopped", false, "lag 3 s"},
		"in error":    {replication("error"), rds.KindNotReady, rds.FieldIdentifier, "its replication is error", false, "lag 3 s"},
		"-1":          {lagIs(-1, 0), rds.KindUnknownLoss, rds.FieldIdentifier, "not replicating", false, "not replicating"},
		"no datum":    {func(c *cloud, _ *rds.Spec) { clear(c.lag) }, rds.KindUnknownLoss, rds.FieldIdentifier, "no ReplicaLag datum", false, "no ReplicaLag datum"},
		"an old one":  {lagIs(0, 6*time.Minute), rds.KindUnknownLoss, rds.FieldIdentifier, "lag 0 s at", false, "lag 0 s"},
		"denied":      {denied, rds.KindUnknownLoss, "", "cloudwatch:GetMetricData", false, "ReplicaLag could not be read"},
		"6 h behind":  {lagIs(21600, 0), "", "", "", false, "lag 21600 s"},
		"replicating": {func(*cloud, *rds.Spec) {}, "", "", "", false, "lag 3 s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []string{"fence to come", "accepted", "held", "half made"} {
				fencing(t, func(t *testing.T, c *cloud) {
					spec := wanted()
					planned(c, &spec)
					switch mode {
					case "held":
						spec, _ = plannedMove(t, c)
						c.lag[replica] = datum{time.Now(), 3}
					case "half made": // the earlier run ended at the reboot
						spec.FencesUnknown = true
						wear(c.get(east, "orders"), fenceGroup)
						tagged(c.get(east, "orders"), "rebooting 2000-01-01T00:00:00Z 0a0a0a0a0a0a0a0a0 0f0f0f0f0f0f0f0f0")
					case "accepted":
						spec.Accept = []string{rds.AcceptUnfencedSource}
					default:
						spec.FencesUnknown = true
					}
					test.prepare(c, &spec)
					a, err := c.service(west).Assess(t.Context(), spec)
					if err != nil {
						t.Fatal(err)
					}
					if test.kind != "" && (test.held || mode == "fence to come" || mode == "accepted") {
						if len(a.Refusals) != 1 || a.Promotes {
							t.Fatalf("%s: refusals %v", mode, a.Refusals)
						}
						wantError(t, a.Refusals[0], test.kind, test.field, test.text)
					} else if w := a.Warnings[len(a.Warnings)-1].Summary; a.Err() != nil || !strings.Contains(w, test.warns) {
						t.Errorf("%s: %v, %q", mode, a.Err(), w)
					}
					wantChanges(t, c)
				})
			}
		})
	}
}

// TestPlannedPromotionDoesNotWaitForWhatCannotCome ends long before its context.
func TestPlannedPromotionDoesNotWaitForWhatCannotCome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		breaks  func(*cloud, *rds.Spec)
		atLeast time.Duration
		mends   bool
	}{
		"terminated":           {breaks: replication("terminated")},
		"out of storage":       {breaks: replicaIs(func(db *types.DBInstance) { db.DBInstanceStatus = aws.String("storage-full"); db.StatusInfos = nil })},
		"in error":             {breaks: replication("error"), atLeast: 5 * time.Minute},
		"in error for minutes": {breaks: replication("error"), mends: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				spec, _ := plannedMove(t, c)
				c.lag[replica] = datum{time.Now(), 600}
				broke := time.Now().Add(2 * time.Minute)
				c.later(2*time.Minute, func() { test.breaks(c, &spec) })
				if test.mends {
					c.later(6*time.Minute, func() { replication("replicating")(c, &spec) })
					c.later(9*time.Minute, func() { replication("error")(c, &spec) })
					c.later(12*time.Minute, func() { replication("replicating")(c, &spec); c.lag[replica] = datum{time.Now(), 0} })
					if _, err := ensure(t, c, spec); err != nil || c.promoted != 1 {
						t.Errorf("%v, %d promotions", err, c.promoted)
					}
					return
				}
				_, err := ensure(t, c, spec)
				wantError(t, err, rds.KindNotReady, rds.FieldIdentifier, "does not catch up", "A fence of the source stays")
				if took := time.Since(broke); took < test.atLeast || took > test.atLeast+time.Minute {
					t.Errorf("gave up %s after it broke", took)
				}
				wantChanges(t, c)
			})
		})
	}
}

// TestPlannedPromotionWithoutAFenceWaitsForItsOwnBeginning has a lag of nothing,
// in a datum of some minutes ago.
func TestPlannedPromotionWithoutAFenceWaitsForItsOwnBeginning(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		sourceUp(c, &spec)
		planned(c, &spec)
		spec.Accept = []string{rds.AcceptUnfencedSource}
		c.lag[replica] = datum{time.Now().Add(-4 * time.Minute), 0}
		start := time.Now()
		// An idle source: the lag is never under a second.
		c.later(time.Minute, func() { c.lag[replica] = datum{start.Add(time.Minute), 61} })
		c.later(3*time.Minute, func() { c.lag[replica] = datum{start.Add(3 * time.Minute), 100} })
		c.fail = func(call string) error {
			if strings.Contains(call, " PromoteReadReplica ") && time.Since(start) < 3*time.Minute {
				t.Error("promoted before everything was replayed")
			}
			return nil
		}
		out, err := ensure(t, c, spec)
		if err != nil || c.promoted != 1 || time.Since(start) > 10*time.Minute || !out.LossKnown || out.Loss != 0 {
			t.Errorf("%+v, %v after %s", out, err, time.Since(start))
		}
		if changed := c.changes(); !slices.Contains(changed, "PromoteReadReplica") {
			t.Errorf("%q", changed)
		}
	})
}
