// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// wanted is the spec of a failover: an update of what was seen as a replica.
func wanted() rds.Spec {
	limit := 5 * time.Minute
	return rds.Spec{
		Identifier: replica, Promoted: true, Mode: rds.ModeUnplanned, MaxEstimatedLoss: &limit, EvidentResourceID: "db-REPLICA",
	}
}

// virtual runs a test in virtual time, with the source's region down.
func virtual(t *testing.T, f func(t *testing.T, c *cloud)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.down(east)
		f(t, c)
		time.Sleep(10 * time.Minute) // lets what the fake still has to do end
	})
}

func ensure(t *testing.T, c *cloud, spec rds.Spec) (rds.Outcome, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	return c.service(west).Ensure(ctx, spec)
}

func TestPromotesOnceAndWaitsUntilItIsDone(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		start := time.Now()
		out, err := ensure(t, c, wanted())
		if err != nil {
			t.Fatal(err)
		}
		if out.Instance.IsReplica() || out.Instance.Status != "available" || !out.Promoted || out.Source != sourceARN {
			t.Errorf("got %+v", out)
		}
		if !out.LossKnown || out.Loss != 3*time.Second {
			t.Errorf("estimated loss %s", out.Loss)
		}
		// The fake needs 95 s. Each stage may be seen a twentieth late, and the
		// end is looked at twice.
		if took := time.Since(start); took < 95*time.Second || took > 104*time.Second {
			t.Errorf("took %s", took)
		}
		in := c.inputs[0]
		if c.promoted != 1 || aws.ToInt32(in.BackupRetentionPeriod) != 14 || aws.ToString(in.PreferredBackupWindow) != "03:00-03:30" {
			t.Errorf("%d promotions, retention %d, window %s", c.promoted, aws.ToInt32(in.BackupRetentionPeriod), aws.ToString(in.PreferredBackupWindow))
		}
		if tag := c.get(west, replica).TagList; len(tag) != 1 || aws.ToString(tag[0].Value) != sourceARN {
			t.Errorf("tags %v", tag)
		}
		for _, call := range c.calls {
			if strings.HasPrefix(call, east) && !strings.Contains(call, " DescribeDBInstances ") {
				t.Errorf("called the source's region: %s", call)
			}
		}
	})
}

func TestBackupRetentionIsNeverLeftOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		own        int32
		configured *int32
		want       int32
	}{{14, nil, 14}, {0, nil, 0}, {0, aws.Int32(7), 7}, {14, aws.Int32(0), 0}} {
		virtual(t, func(t *testing.T, c *cloud) {
			c.get(west, replica).BackupRetentionPeriod = &test.own
			spec := wanted()
			spec.BackupRetentionPeriod = test.configured
			spec.PreferredBackupWindow = "05:00-05:30"
			if _, err := ensure(t, c, spec); err != nil {
				t.Fatal(err)
			}
			in := c.inputs[0]
			if in.BackupRetentionPeriod == nil || *in.BackupRetentionPeriod != test.want || *in.PreferredBackupWindow != "05:00-05:30" {
				t.Errorf("own %d: promoted with %v", test.own, in.BackupRetentionPeriod)
			}
		})
	}
}

func TestAdoptsAWriterWithoutChangingAnything(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*types.DBInstance, *rds.Spec){
		"update, seen as replica before": func(*types.DBInstance, *rds.Spec) {},
		"create, tagged by a promotion": func(db *types.DBInstance, s *rds.Spec) {
			s.Creating, s.EvidentResourceID = true, ""
			db.TagList = []types.Tag{{Key: aws.String(rds.PromotedFromTag), Value: aws.String(sourceARN)}}
		},
		"create, with replicas of its own": func(db *types.DBInstance, s *rds.Spec) {
			s.Creating, s.EvidentResourceID = true, ""
			db.ReadReplicaDBInstanceIdentifiers = []string{"other"}
			db.DBInstanceStatus = aws.String("backing-up")
		},
		"create, accepted by name": func(_ *types.DBInstance, s *rds.Spec) {
			s.Creating, s.EvidentResourceID, s.Accept = true, "", []string{rds.AcceptStandaloneWriter}
		},
		"update, accepted by name": func(_ *types.DBInstance, s *rds.Spec) {
			s.EvidentResourceID, s.Accept = "", []string{rds.AcceptStandaloneWriter}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, func(t *testing.T, c *cloud) {
				db, spec := c.get(west, replica), wanted()
				db.ReadReplicaSourceDBInstanceIdentifier = nil
				prepare(db, &spec)
				if _, err := ensure(t, c, spec); err != nil {
					t.Fatal(err)
				}
				if c.mutations() != 0 {
					t.Errorf("calls: %v", c.calls)
				}
			})
		})
	}
}

func TestNeverTakesAnOldWriterForAPromotedReplica(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*types.DBInstance, *rds.Spec){
		"update": func(db *types.DBInstance, s *rds.Spec) {
			// Evidence of earlier runs is gone; neither a tag of an earlier
			// life nor a replica of its own makes up for it.
			s.EvidentResourceID = ""
			db.TagList = []types.Tag{{Key: aws.String(rds.PromotedFromTag), Value: aws.String("x")}}
			db.ReadReplicaDBInstanceIdentifiers = []string{"other"}
		},
		"update, one of its replicas was promoted in its place": func(db *types.DBInstance, s *rds.Spec) {
			s.EvidentResourceID = ""
			s.FormerResourceID, s.FormerReplicas = "db-REPLICA", []string{"other", "promoted"}
			db.ReadReplicaDBInstanceIdentifiers = []string{"other"}
		},
		"update, replicas of another instance": func(db *types.DBInstance, s *rds.Spec) {
			s.EvidentResourceID = ""
			s.FormerResourceID, s.FormerReplicas = "db-OTHER", []string{"other"}
			db.ReadReplicaDBInstanceIdentifiers = []string{"other"}
		},
		"update, evidence of another instance": func(_ *types.DBInstance, s *rds.Spec) { s.EvidentResourceID = "db-OTHER" },
		"create":                               func(_ *types.DBInstance, s *rds.Spec) { s.Creating, s.EvidentResourceID = true, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, func(t *testing.T, c *cloud) {
				db, spec := c.get(west, replica), wanted()
				db.ReadReplicaSourceDBInstanceIdentifier = nil
				prepare(db, &spec)
				_, err := ensure(t, c, spec)
				wantError(t, err, rds.KindStandaloneWriter, rds.FieldIdentifier, "standalone_writer")
				if c.mutations() != 0 {
					t.Errorf("calls: %v", c.calls)
				}
			})
		})
	}
}

func TestTimeoutTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		_, err := c.service(west).Ensure(ctx, wanted())
		wantError(t, err, rds.KindTimeout, "", "modifying, still a replica of", "50s", "timeouts.update", "has accepted the promotion")
	})
}

func TestDenialOfTheCallChangesNothing(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		healthy := c.fail
		c.fail = func(call string) error {
			if err := only(west, "PromoteReadReplica", refusal("AccessDenied", "not authorized to perform rds:PromoteReadReplica"))(call); err != nil {
				return err
			}
			return healthy(call)
		}
		_, err := ensure(t, c, wanted())
		wantError(t, err, rds.KindRefused, "", "rds:PromoteReadReplica", "permission")
		if c.promoted != 0 || c.count("PromoteReadReplica") != 1 {
			t.Errorf("calls %v", c.calls)
		}
	})
}

func TestUntaggedPromotionWarns(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		healthy := c.fail
		c.fail = func(call string) error {
			if err := only(west, "AddTagsToResource", refusal("AccessDenied", "no"))(call); err != nil {
				return err
			}
			return healthy(call)
		}
		out, err := ensure(t, c, wanted())
		if err != nil || c.promoted != 1 || len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0].Summary, replica) {
			t.Errorf("%v, %d promotions, %v", err, c.promoted, out.Warnings)
		}
	})
}

// TestSettledWriterIsLeftAlone edits an argument of a writer that serves: nothing
// is waited for, and nothing about it is a reason to fail.
func TestSettledWriterIsLeftAlone(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		spec.Settled, spec.EvidentResourceID = true, "db-REPLICA"
		c.get(west, replica).ReadReplicaSourceDBInstanceIdentifier = nil
		c.get(west, replica).DBInstanceStatus = aws.String("storage-full")
		start := time.Now()
		out, err := ensure(t, c, spec)
		if err != nil || out.Instance.Status != "storage-full" || time.Since(start) > time.Second {
			t.Errorf("%+v, %v after %s", out, err, time.Since(start))
		}
		c.down(west)
		if out, err = ensure(t, c, spec); err != nil || len(out.Warnings) != 1 || c.mutations() != 0 {
			t.Errorf("in a region that is down: %+v, %v, %v", out, err, c.calls)
		}
	})
}

// TestTwoWritersOfEachOther lost Terraform's state after having gone away and
// come home: which of the two has the newer data, nothing tells.
func TestTwoWritersOfEachOther(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		spec := wanted()
		spec.Creating = true
		sourceUp(c, &spec)
		tag := func(region, id, from string) {
			db := c.get(region, id)
			db.ReadReplicaSourceDBInstanceIdentifier = nil
			db.TagList = []types.Tag{{Key: aws.String(rds.PromotedFromTag), Value: aws.String(from)}}
		}
		tag(west, replica, sourceARN)
		if a, err := c.service(west).Assess(t.Context(), spec); err != nil || a.Err() != nil || len(a.Warnings) != 1 {
			t.Errorf("the old writer carries no tag: %+v, %v", a, err)
		}
		tag(east, "orders", "arn:aws:rds:us-west-2:111111111111:db:"+replica)
		_, err := ensure(t, c, spec)
		wantError(t, err, rds.KindStandaloneWriter, rds.FieldIdentifier, "both are writers", "standalone_writer")
		a, err := c.service(west).Assess(t.Context(), spec)
		if err != nil || !rds.IsKind(a.Err(), rds.KindStandaloneWriter) {
			t.Errorf("at plan: %v, %v", a.Err(), err)
		}
		spec.Accept = []string{rds.AcceptStandaloneWriter}
		if _, err := ensure(t, c, spec); err != nil || c.mutations() != 0 {
			t.Errorf("accepted by name: %v, %v", err, c.calls)
		}
	})
}

func TestNotPromotedOnlyObserves(t *testing.T) {
	t.Parallel()
	spec := rds.Spec{Identifier: replica}
	virtual(t, func(t *testing.T, c *cloud) {
		out, err := ensure(t, c, spec)
		if err != nil || !out.Instance.IsReplica() || c.mutations() != 0 {
			t.Errorf("%+v, %v", out, err)
		}
		c.get(west, replica).ReadReplicaSourceDBInstanceIdentifier = nil
		if out, err = ensure(t, c, spec); err != nil || out.Instance.IsReplica() || c.mutations() != 0 {
			t.Errorf("a writer that is not wanted: %+v, %v", out, err)
		}
		c.down(west)
		if out, err = ensure(t, c, spec); err != nil || out.Instance.Identifier != "" || len(out.Warnings) != 1 {
			t.Errorf("a region that is down: %+v, %v", out, err)
		}
		c.fail = only(west, "DescribeDBInstances", refusal("AccessDenied", "no permission"))
		if out, err = ensure(t, c, spec); err != nil || out.Instance.Identifier != "" || len(out.Warnings) != 1 {
			t.Errorf("a region that denies: %+v, %v", out, err)
		}
		_, err = ensure(t, c, rds.Spec{Identifier: replica, Creating: true})
		wantError(t, err, rds.KindRead, "", "no permission")
		c.fail = only(west, "DescribeDBInstances", refusal("ExpiredToken", "The security token included in the request is expired"))
		_, err = ensure(t, c, spec)
		wantError(t, err, rds.KindRead, "", "expired", "Renew the credentials")
		c.fail = nil
		_, err = ensure(t, c, rds.Spec{Identifier: "nothing", Creating: true})
		wantError(t, err, rds.KindNotFound, rds.FieldIdentifier, "no DB instance")
		out, err = ensure(t, c, rds.Spec{Identifier: "nothing"}) // it was there once
		if err != nil || len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0].Summary, "does not exist") {
			t.Errorf("one that is gone: %+v, %v", out, err)
		}
	})
}

// TestAnEstateCostsWhatOneInstanceCosts promotes 200 replicas at once.
func TestAnEstateCostsWhatOneInstanceCosts(t *testing.T) {
	t.Parallel()
	describes := func(n int) (calls int, took time.Duration) {
		virtual(t, func(t *testing.T, c *cloud) {
			template := *c.get(west, replica)
			for k := range n {
				db := template
				db.DBInstanceIdentifier = aws.String(fmt.Sprint("db", k))
				db.DBInstanceArn = aws.String(fmt.Sprint("arn:aws:rds:us-west-2:111111111111:db:db", k))
				c.instances[west+"/"+*db.DBInstanceIdentifier] = &db
				c.lag[*db.DBInstanceIdentifier] = datum{time.Now(), 1}
			}
			c.fail = func(call string) error {
				// Each of them is a promotion of its own to the fake.
				if strings.Contains(call, " PromoteReadReplica ") {
					c.mu.Lock()
					c.promoted = 0
					c.mu.Unlock()
				}
				return nil
			}
			service, start := c.service(west), time.Now()
			var group sync.WaitGroup
			for k := range n {
				group.Go(func() {
					spec := wanted()
					spec.Identifier, spec.Accept = fmt.Sprint("db", k), []string{rds.AcceptHealthySource}
					if _, err := service.Ensure(t.Context(), spec); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			calls, took = c.count("DescribeDBInstances")+c.count("GetMetricData"), time.Since(start)
		})
		return calls, took
	}
	one, onceTook := describes(1)
	many, manyTook := describes(200)
	// Two pages of a hundred each; a few looks more or less as they fall together.
	if many > 2*one+10 || manyTook > onceTook+2*time.Second {
		t.Errorf("1: %d calls in %s; 200: %d calls in %s", one, onceTook, many, manyTook)
	}
}
