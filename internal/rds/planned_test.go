// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// plannedMove is a spec of a planned promotion away from a source that has just
// been fenced, and its proof.
func plannedMove(t *testing.T, c *cloud) (rds.Spec, fence.Proof) {
	t.Helper()
	out, err := ensureFence(t, c, fenced())
	if err != nil {
		t.Fatal(err)
	}
	c.calls = nil
	spec := wanted()
	planned(c, &spec)
	proof := out.Status.Proof(east, "orders")
	spec.Fences = []fence.Proof{proof}
	return spec, proof
}

// TestPlannedPromotionWaitsUntilTheFenceIsReplayed has a lag that would be good
// enough at any other time.
func TestPlannedPromotionWaitsUntilTheFenceIsReplayed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		engine string
		// datum so many seconds after the fence, and its lag: what is not good
		// enough, and what is.
		early, late [2]float64
		// and those a minute, and two, before, oldest last.
		earlier [2]float64
	}{
		"PostgreSQL, idle since before the fence": {engine: "postgres", early: [2]float64{60, 61}, late: [2]float64{240, 239}},
		"PostgreSQL, a datum from before":         {engine: "postgres", early: [2]float64{-1, 0}, late: [2]float64{30, 30}},
		"MySQL, still behind":                     {"mysql", [2]float64{180, 1}, [2]float64{240, 0}, [2]float64{0, 0}},
		"MySQL, behind for a moment":              {"mysql", [2]float64{180, 0}, [2]float64{240, 0}, [2]float64{1, 0}},
		"MySQL, data from before":                 {"mysql", [2]float64{119, 0}, [2]float64{121, 0}, [2]float64{0, 0}},
		"MySQL, not replicating":                  {"mysql", [2]float64{180, -1}, [2]float64{240, 0}, [2]float64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				spec, proof := plannedMove(t, c)
				c.get(west, replica).Engine = &test.engine
				put := func(newest [2]float64, earlier [2]float64) {
					at := proof.Since.Add(time.Duration(newest[0] * float64(time.Second)))
					c.lag[replica] = datum{at, newest[1]}
					c.earlier[replica] = []datum{{at.Add(-time.Minute), earlier[0]}, {at.Add(-2 * time.Minute), earlier[1]}}
				}
				good := time.Now().Add(4 * time.Minute)
				put(test.early, test.earlier)
				c.later(time.Until(good), func() { put(test.late, [2]float64{}) })
				c.fail = func(call string) error {
					if strings.Contains(call, " PromoteReadReplica ") && time.Now().Before(good) {
						t.Error("promoted before everything was replayed")
					}
					return nil
				}
				out, err := ensure(t, c, spec)
				if err != nil || c.promoted != 1 || out.Loss != 0 || !out.LossKnown {
					t.Errorf("%+v, %v", out, err)
				}
			})
		})
	}
	fencing(t, func(t *testing.T, c *cloud) { // never replayed, and no guess
		spec, _ := plannedMove(t, c)
		clear(c.lag)
		_, err := ensure(t, c, spec)
		wantError(t, err, rds.KindTimeout, "", "no ReplicaLag datum", "timeouts.update")
		if c.promoted != 0 {
			t.Error("promoted")
		}
	})
	fencing(t, func(t *testing.T, c *cloud) { // somebody opens the fence during the wait
		spec, proof := plannedMove(t, c)
		c.later(time.Minute, func() { wear(c.get(east, "orders"), openGroup) })
		c.later(2*time.Minute, func() { c.lag[replica] = datum{proof.Since.Add(time.Hour), 0} })
		_, err := ensure(t, c, spec)
		wantError(t, err, rds.KindUnfencedSource, rds.FieldFences, openGroup)
		if c.promoted != 0 {
			t.Error("promoted")
		}
	})
}

// TestPlannedPromotionBelievesOnlyAFenceThatHolds gates at plan and at apply.
func TestPlannedPromotionBelievesOnlyAFenceThatHolds(t *testing.T) {
	t.Parallel()
	held := func(kind, subject string) []fence.Proof {
		return []fence.Proof{{State: fence.StateHeld, Kind: kind, Subject: subject, Since: time.Now()}}
	}
	leak := func(c *cloud) { setRules(c, fenceGroup, 1) }
	for name, test := range map[string]struct {
		prepare func(*cloud, *rds.Spec)
		refused string // in the refusal; "" for none
		field   string
		next    string // of the refusal; "" for that of a source without a fence
	}{
		"held":                   {prepare: func(*cloud, *rds.Spec) {}},
		"held, in other letters": {prepare: func(_ *cloud, s *rds.Spec) { s.Fences[0].Subject = "us-east-1/Orders" }},
		"no fence": {
			prepare: func(_ *cloud, s *rds.Spec) { s.Fences = nil }, refused: "no fence is known", field: rds.FieldAccept,
		},
		"open": {
			prepare: func(_ *cloud, s *rds.Spec) { s.Fences[0].State = fence.StateOpen },
			refused: `"open network us-east-1/orders" is not a fence`, field: rds.FieldFences,
		},
		"unreached": {
			prepare: func(_ *cloud, s *rds.Spec) { s.Fences[0].State = fence.StateUnreached },
			refused: `"unreached network us-east-1/orders"`, field: rds.FieldFences,
		},
		"of another instance": {
			prepare: func(_ *cloud, s *rds.Spec) { s.Fences = held(fence.KindNetwork, "us-east-1/billing") },
			refused: "is not a fence of us-east-1/orders", field: rds.FieldFences,
		},
		"of the instance's name in another region": {
			prepare: func(_ *cloud, s *rds.Spec) { s.Fences = held(fence.KindNetwork, "us-west-2/orders") },
			refused: "is not a fence of us-east-1/orders", field: rds.FieldFences,
		},
		"said to be held, but it is not": {
			prepare: func(c *cloud, _ *rds.Spec) { untag(c.get(east, "orders")) },
			refused: "orders is not fenced as", field: rds.FieldFences,
		},
		"said to be held, but it is open": {
			prepare: func(c *cloud, _ *rds.Spec) { wear(c.get(east, "orders"), openGroup) },
			refused: openGroup, field: rds.FieldFences,
		},
		"said to be held, but it is being lifted": {
			prepare: func(c *cloud, _ *rds.Spec) {
				tagged(c.get(east, "orders"), "lifting 2026-11-25T03:01:40Z 0a0a0a0a0a0a0a0a0 0f0f0f0f0f0f0f0f0")
			},
			refused: "lifting", field: rds.FieldFences,
		},
		"a write fence": {
			prepare: func(c *cloud, s *rds.Spec) {
				c.get(east, "orders").Endpoint = &types.Endpoint{Address: aws.String("orders.example.com"), Port: aws.Int32(5432)}
				s.Fences = held(fence.KindPostgreSQL, "orders.example.com:5432")
			},
		},
		"a write fence of another server": {
			prepare: func(c *cloud, s *rds.Spec) {
				c.get(east, "orders").Endpoint = &types.Endpoint{Address: aws.String("orders.example.com"), Port: aws.Int32(5432)}
				s.Fences = held(fence.KindPostgreSQL, "billing.example.com:5432")
			},
			refused: "is not a fence of us-east-1/orders", field: rds.FieldFences,
		},
		"one of several": {
			prepare: func(_ *cloud, s *rds.Spec) {
				s.Fences = append(held(fence.KindNetwork, "us-west-2/orders-usw2"), s.Fences...)
			},
		},
		"a source that may not be looked at": {
			prepare: func(c *cloud, _ *rds.Spec) {
				c.fail = only(east, "DescribeDBInstances", refusal("AccessDenied", "no permission"))
			},
			refused: "whether us-east-1/orders is fenced could not be read", field: rds.FieldFences, next: "Grant rds:DescribeDBInstances",
		},
		"said to be held, but somebody gave its group a rule": {
			prepare: func(c *cloud, _ *rds.Spec) { leak(c) },
			refused: fenceGroup + " has 1 ingress rules", field: rds.FieldFences,
		},
		"said to be held, but whom its groups let in may not be looked at": {
			prepare: func(c *cloud, _ *rds.Spec) {
				c.fail = only(east, "DescribeSecurityGroups", refusal("UnauthorizedOperation", "not authorized"))
			},
			refused: "let anybody in could not be read", field: rds.FieldFences, next: "ec2:DescribeSecurityGroups in us-east-1",
		},
		"none, but the source is accepted as it is": {
			prepare: func(c *cloud, s *rds.Spec) {
				s.Fences, s.Accept = nil, []string{rds.AcceptUnfencedSource}
				c.lag[replica] = datum{time.Now().Add(time.Minute), 0}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				spec, proof := plannedMove(t, c)
				c.lag[replica] = datum{proof.Since.Add(2 * time.Minute), 0}
				time.Sleep(time.Minute)
				test.prepare(c, &spec)
				a, err := c.service(west).Assess(t.Context(), spec)
				if err != nil {
					t.Fatal(err)
				}
				if test.refused != "" {
					if len(a.Refusals) != 1 {
						t.Fatalf("refusals %v", a.Refusals)
					}
					next := []string{test.refused, "dr_rds_network_fence", "unfenced_source"}
					if test.next != "" {
						next = []string{test.refused, test.next}
					}
					wantError(t, a.Refusals[0], rds.KindUnfencedSource, test.field, next...)
					_, err := ensure(t, c, spec)
					wantError(t, err, rds.KindUnfencedSource, test.field, test.refused)
					wantChanges(t, c)
					return
				}
				if a.Err() != nil || !strings.HasPrefix(a.Warnings[len(a.Warnings)-1].Summary, "orders-usw2: promotion cannot be undone (planned: waits ") {
					t.Errorf("%v, %+v", a.Err(), a.Warnings)
				}
				if _, err := ensure(t, c, spec); err != nil || c.promoted != 1 {
					t.Errorf("%v, %d promotions", err, c.promoted)
				}
			})
		})
	}
}

// Fences that are part of the same plan are believed at plan, and not at apply.
func TestPlannedPromotionWithFencesToCome(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		planned(c, &spec)
		spec.FencesUnknown = true
		a, err := c.service(west).Assess(t.Context(), spec)
		if err != nil || a.Err() != nil || len(a.Warnings) != 2 || a.Warnings[0].Summary != "orders: is fenced first, by this same apply" {
			t.Errorf("%+v, %v", a, err)
		}
		_, err = ensure(t, c, spec)
		wantError(t, err, rds.KindUnfencedSource, rds.FieldAccept)
		wantChanges(t, c)
	})
}

// An unplanned promotion goes on without a fence, and says what may be written.
func TestUnplannedPromotionOnlyWarnsOfFences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*cloud, *rds.Spec)
		warns   []string
	}{
		"unreached": {
			func(c *cloud, s *rds.Spec) {
				c.down(east)
				s.Fences = []fence.Proof{{State: fence.StateUnreached, Kind: fence.KindNetwork, Subject: "us-east-1/orders"}}
			},
			[]string{"orders: source could not be reached and may still be writing", "orders: no fence of it holds, it may still be writing"},
		},
		"to come": {
			func(c *cloud, s *rds.Spec) { c.down(east); s.FencesUnknown = true },
			[]string{"orders: source could not be reached and may still be writing", "orders: is fenced first as far as it can be reached"},
		},
		"held, and the source is up": {
			func(_ *cloud, s *rds.Spec) { s.Accept = []string{rds.AcceptHealthySource} },
			nil,
		},
		"gone": {
			func(c *cloud, s *rds.Spec) { delete(c.instances, east+"/orders"); s.Fences[0].State = fence.StateOpen },
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				spec, _ := plannedMove(t, c)
				spec.Mode, spec.MaxEstimatedLoss = rds.ModeUnplanned, wanted().MaxEstimatedLoss
				c.lag[replica] = datum{time.Now(), 1}
				test.prepare(c, &spec)
				a, err := c.service(west).Assess(t.Context(), spec)
				if err != nil || a.Err() != nil {
					t.Fatalf("%v, %v", a.Err(), err)
				}
				var got []string
				for _, w := range a.Warnings[:len(a.Warnings)-1] { // the last is of the promotion
					got = append(got, w.Summary)
				}
				if !slices.Equal(got, test.warns) {
					t.Errorf("warnings %q, want %q", got, test.warns)
				}
				if _, err := ensure(t, c, spec); err != nil || c.promoted != 1 {
					t.Errorf("%v, %d promotions", err, c.promoted)
				}
			})
		})
	}
}

func TestTwoWritersAtOnceAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*testing.T, *cloud)
		named   bool
	}{
		"the source is back":  {func(*testing.T, *cloud) {}, true},
		"fenced":              {func(t *testing.T, c *cloud) { hold(t, c) }, false},
		"a fence with a rule": {func(t *testing.T, c *cloud) { hold(t, c); setRules(c, fenceGroup, 1) }, true},
		"a fence that leaks":  {func(t *testing.T, c *cloud) { hold(t, c); wear(c.get(east, "orders"), openGroup) }, true},
		"silent":              {func(_ *testing.T, c *cloud) { c.down(east) }, false},
		"stopped":             {func(_ *testing.T, c *cloud) { c.get(east, "orders").DBInstanceStatus = aws.String("stopped") }, false},
		"retired":             {func(_ *testing.T, c *cloud) { delete(c.instances, east+"/orders") }, false},
		"rebuilt": {func(_ *testing.T, c *cloud) {
			c.get(east, "orders").ReadReplicaSourceDBInstanceIdentifier = aws.String(replica)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fencing(t, func(t *testing.T, c *cloud) {
				test.prepare(t, c)
				c.calls = nil
				w, named := c.service(west).Rival(t.Context(), replica, sourceARN)
				if named != test.named || named && (w.Summary != "orders-usw2 and orders: two writers at once" || !strings.Contains(w.Detail, "us-east-1")) {
					t.Errorf("%t %+v", named, w)
				}
				wantChanges(t, c)
			})
		})
	}
}
