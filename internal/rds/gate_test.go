// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// wantError checks an error's kind, attribute, and what its detail names. Every
// error must say what was attempted on what, and what to do next.
func wantError(t *testing.T, err error, kind rds.Kind, field string, texts ...string) {
	t.Helper()
	e, ok := errors.AsType[*rds.Error](err)
	if !ok {
		t.Errorf("want an error of kind %q, got %v", kind, err)
		return
	}
	if e.Kind != kind || e.Field != field {
		t.Errorf("want kind %q at %q, got %q at %q: %v", kind, field, e.Kind, e.Field, err)
	}
	for _, text := range append(texts, "Tried to ", e.ID, e.Region, "\n\nNext: ") {
		if !strings.Contains(e.Detail(), text) {
			t.Errorf("does not say %q:\n%s", text, e.Detail())
		}
	}
}

func accept(names ...string) func(*cloud, *rds.Spec) {
	return func(_ *cloud, s *rds.Spec) { s.Accept = append(s.Accept, names...) }
}

func planned(_ *cloud, s *rds.Spec) { s.Mode, s.MaxEstimatedLoss = rds.ModePlanned, nil }

func sourceUp(c *cloud, _ *rds.Spec) { c.fail = nil }

func sourceIs(status string) func(*cloud, *rds.Spec) {
	return func(c *cloud, _ *rds.Spec) {
		c.fail = nil
		c.get(east, "orders").DBInstanceStatus = &status
	}
}

func lagIs(seconds float64, age time.Duration) func(*cloud, *rds.Spec) {
	return func(c *cloud, _ *rds.Spec) { c.lag[replica] = datum{time.Now().Add(-age), seconds} }
}

func replicaIs(f func(db *types.DBInstance)) func(*cloud, *rds.Spec) {
	return func(c *cloud, _ *rds.Spec) { f(c.get(west, replica)) }
}

func TestGates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare []func(*cloud, *rds.Spec)
		// kind of the refusal, or "" with the summaries of the warnings.
		kind  rds.Kind
		field string
		text  string // in the refusal's detail, or a warning's summary
	}{
		"source unreachable": {text: "orders: source could not be reached and may still be writing"},
		"source healthy":     {prepare: []func(*cloud, *rds.Spec){sourceUp}, kind: rds.KindHealthySource, field: rds.FieldAccept, text: "orders in us-east-1 answers and is available"},
		"source healthy, accepted": {
			prepare: []func(*cloud, *rds.Spec){sourceUp, accept(rds.AcceptHealthySource)},
			text:    "orders: source is up or may be, and may still be writing",
		},
		"source modifying": {prepare: []func(*cloud, *rds.Spec){sourceIs("modifying")}, kind: rds.KindHealthySource, field: rds.FieldAccept, text: "is modifying"},
		"source stopped":   {prepare: []func(*cloud, *rds.Spec){sourceIs("stopped")}},
		"source without its key": {
			prepare: []func(*cloud, *rds.Spec){sourceIs("inaccessible-encryption-credentials-recoverable")},
		},
		"source broken": {prepare: []func(*cloud, *rds.Spec){sourceIs("incompatible-network")}},
		"source gone":   {prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) { c.fail = nil; delete(c.instances, east+"/orders") }}},
		"source denied": {
			prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) {
				c.fail = only(east, "DescribeDBInstances", refusal("AccessDenied", "no permission"))
			}},
			kind: rds.KindHealthySource, field: rds.FieldAccept, text: "no permission",
		},
		"source's region answers with an error of its own": {
			prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) {
				c.fail = only(east, "DescribeDBInstances", refusal("InternalFailure", "sorry"))
			}},
			kind: rds.KindHealthySource, field: rds.FieldAccept, text: "sorry",
		},
		"loss within the limit": {prepare: []func(*cloud, *rds.Spec){lagIs(3, 0)}, text: "orders-usw2: promotion cannot be undone (estimated loss 3 s of at most 300 s)"},
		"loss over the limit": {
			prepare: []func(*cloud, *rds.Spec){lagIs(301, 0)},
			kind:    rds.KindLossLimit, field: rds.FieldMaxLoss, text: "estimated loss is 301 s, the limit is 300 s",
		},
		"PostgreSQL's lag grows with the outage": {
			// An hour of outage: the lag measures it, not the loss.
			prepare: []func(*cloud, *rds.Spec){lagIs(3602, 0), func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-time.Hour) }},
			text:    "orders-usw2: promotion cannot be undone (estimated loss 2 s of at most 300 s)",
		},
		"without source_lost_at an hour counts": {
			prepare: []func(*cloud, *rds.Spec){lagIs(3602, 0)},
			kind:    rds.KindLossLimit, field: rds.FieldMaxLoss, text: "Set source_lost_at",
		},
		"an old datum counts from its time": {
			prepare: []func(*cloud, *rds.Spec){lagIs(10, 4*time.Minute), func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-3 * time.Minute) }},
			text:    "(estimated loss 70 s of at most 300 s)",
		},
		"the loss is never negative": {
			prepare: []func(*cloud, *rds.Spec){lagIs(0, 0), func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-30 * time.Second) }},
			text:    "(estimated loss 0 s of at most 300 s)",
		},
		"source_lost_at before what the replica has received": {
			prepare: []func(*cloud, *rds.Spec){lagIs(0, 0), func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-time.Hour) }},
			kind:    rds.KindUnknownLoss, field: rds.FieldSourceLostAt, text: "alive 3600 s after source_lost_at",
		},
		"a wrong source_lost_at is accepted by name": {
			prepare: []func(*cloud, *rds.Spec){lagIs(0, 0), func(_ *cloud, s *rds.Spec) {
				s.SourceLostAt, s.Accept = time.Now().Add(-time.Hour), []string{rds.AcceptUnknownLoss}
			}},
			text: "promotion cannot be undone (estimated loss unknown)",
		},
		"MySQL's replica was well after source_lost_at": {
			prepare: []func(*cloud, *rds.Spec){
				replicaIs(func(db *types.DBInstance) { db.Engine = aws.String("mysql") }), lagIs(0, 0),
				func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-10 * time.Minute) },
			},
			kind: rds.KindUnknownLoss, field: rds.FieldSourceLostAt, text: "alive 600 s after source_lost_at",
		},
		"a region that answers with errors may be healthy": {
			prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) {
				c.fail = func(call string) error {
					if strings.HasPrefix(call, east+" ") {
						return &awsclient.UnreachableError{Region: east, Budget: 3 * time.Second, Status: 503}
					}
					return nil
				}
			}},
			kind: rds.KindHealthySource, field: rds.FieldAccept, text: "could not be read",
		},
		"MySQL's lag is a distance": {
			prepare: []func(*cloud, *rds.Spec){
				replicaIs(func(db *types.DBInstance) { db.Engine = aws.String("mysql") }), lagIs(20, 2*time.Minute),
				func(_ *cloud, s *rds.Spec) { s.SourceLostAt = time.Now().Add(-time.Minute) },
			},
			text: "(estimated loss 80 s of at most 300 s)",
		},
		"-1 is not zero": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) { db.Engine = aws.String("mysql") }), lagIs(-1, 0)},
			kind:    rds.KindUnknownLoss, field: rds.FieldAccept, text: "unknown_loss",
		},
		"no datum": {prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) { clear(c.lag) }}, kind: rds.KindUnknownLoss, field: rds.FieldAccept},
		"CloudWatch denied": {
			prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) {
				down := c.fail
				c.fail = func(call string) error {
					if err := only(west, "GetMetricData", refusal("AccessDenied", "not authorized: cloudwatch:GetMetricData"))(call); err != nil {
						return err
					}
					return down(call)
				}
			}},
			kind: rds.KindUnknownLoss, field: rds.FieldAccept, text: "cloudwatch:GetMetricData",
		},
		"unknown loss, accepted": {
			prepare: []func(*cloud, *rds.Spec){func(c *cloud, _ *rds.Spec) { clear(c.lag) }, accept(rds.AcceptUnknownLoss)},
			text:    "orders-usw2: promotion cannot be undone (estimated loss unknown)",
		},
		"no limit": {
			prepare: []func(*cloud, *rds.Spec){func(_ *cloud, s *rds.Spec) { s.MaxEstimatedLoss = nil }, accept(rds.AcceptUnknownLoss)},
			kind:    rds.KindNoLossLimit, field: rds.FieldMaxLoss, text: "estimated loss is 3 s",
		},
		"planned, unfenced": {prepare: []func(*cloud, *rds.Spec){sourceUp, planned}, kind: rds.KindUnfencedSource, field: rds.FieldAccept, text: "unfenced_source"},
		"planned, unfenced, accepted": {
			prepare: []func(*cloud, *rds.Spec){sourceUp, planned, accept(rds.AcceptUnfencedSource), func(c *cloud, _ *rds.Spec) {
				c.later(2*time.Minute, func() { c.lag[replica] = datum{time.Now(), 10} })
			}},
			text: "orders-usw2: promotion cannot be undone (planned: waits until it has replayed past the beginning of the apply; lag 3 s at 2000-01-01T00:00:00Z)",
		},
		"planned, source lost": {prepare: []func(*cloud, *rds.Spec){planned, accept(rds.AcceptUnfencedSource)}, kind: rds.KindNoSource, field: rds.FieldMode, text: "unplanned"},
		"creating": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) { db.DBInstanceStatus = aws.String("creating") })},
			kind:    rds.KindNotReady, field: rds.FieldIdentifier, text: "still being created",
		},
		"replica broken": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) { db.DBInstanceStatus = aws.String("storage-full") })},
			kind:    rds.KindNotReady, field: rds.FieldIdentifier, text: "storage-full",
		},
		"Aurora": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) { db.Engine = aws.String("aurora-postgresql") })},
			kind:    rds.KindUnsupported, field: rds.FieldIdentifier, text: "aurora-postgresql",
		},
		"no backups": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) { db.BackupRetentionPeriod = aws.Int32(0) })},
			text:    "orders-usw2: will have no automated backups (retention 0 days)",
		},
		"no backups, but replicas of its own": {
			prepare: []func(*cloud, *rds.Spec){replicaIs(func(db *types.DBInstance) {
				db.BackupRetentionPeriod, db.ReadReplicaDBInstanceIdentifiers = aws.Int32(0), []string{"cascaded"}
			})},
			kind: rds.KindBackup, field: rds.FieldBackupRetention,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, func(t *testing.T, c *cloud) {
				spec := wanted()
				for _, prepare := range test.prepare {
					prepare(c, &spec)
				}
				a, err := c.service(west).Assess(t.Context(), spec)
				if err != nil {
					t.Fatal(err)
				}
				if c.mutations() != 0 {
					t.Errorf("an assessment must change nothing: %v", c.calls)
				}
				if test.kind != "" {
					texts := []string{"Nothing was changed."}
					if test.text != "" {
						texts = append(texts, test.text)
					}
					if len(a.Refusals) != 1 || a.Promotes {
						t.Fatalf("refusals: %v", a.Refusals)
					}
					wantError(t, a.Refusals[0], test.kind, test.field, texts...)
					// The same at apply, with nothing changed.
					_, err := ensure(t, c, spec)
					wantError(t, err, test.kind, test.field)
					if c.mutations() != 0 {
						t.Errorf("refused, but: %v", c.calls)
					}
					return
				}
				if err := a.Err(); err != nil || !a.Promotes {
					t.Fatalf("refused: %v", err)
				}
				var summaries []string
				for _, w := range a.Warnings {
					summaries = append(summaries, w.Summary)
				}
				if !strings.Contains(strings.Join(summaries, "\n"), test.text) {
					t.Errorf("want the warning %q, got %q", test.text, summaries)
				}
				if _, err := ensure(t, c, spec); err != nil || c.promoted != 1 {
					t.Errorf("%v, %d promotions", err, c.promoted)
				}
			})
		})
	}
}

func TestEveryRefusalIsReported(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		sourceUp(c, &spec)
		lagIs(900, 0)(c, &spec)
		a, err := c.service(west).Assess(t.Context(), spec)
		if err != nil || len(a.Refusals) != 2 {
			t.Errorf("%v, %v", a.Refusals, err)
		}
		if _, err := ensure(t, c, spec); err == nil || !strings.Contains(err.Error(), "\n") {
			t.Errorf("want both refusals, got %v", err)
		}
	})
}

func TestPlannedPromotionWaitsForTheLag(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		sourceUp(c, &spec)
		planned(c, &spec)
		spec.Accept = []string{rds.AcceptUnfencedSource}
		start := time.Now()
		c.later(2*time.Minute, func() { c.lag[replica] = datum{time.Now(), 0.5} })
		healthy := c.fail
		c.fail = func(call string) error {
			if strings.Contains(call, " PromoteReadReplica ") && time.Since(start) < 2*time.Minute {
				t.Error("promoted while the replica was behind")
			}
			if healthy != nil {
				return healthy(call)
			}
			return nil
		}
		out, err := ensure(t, c, spec)
		if err != nil || c.promoted != 1 || out.Loss != 0 || !out.LossKnown {
			t.Errorf("%+v, %v", out, err)
		}
	})
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		sourceUp(c, &spec)
		planned(c, &spec)
		spec.Accept = []string{rds.AcceptUnfencedSource}
		_, err := ensure(t, c, spec)
		wantError(t, err, rds.KindTimeout, "", "lag 3 s", "timeouts.update")
		if c.promoted != 0 {
			t.Error("promoted")
		}
	})
}
