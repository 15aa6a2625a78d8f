// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// TestReprotectionConvergesAfterBeingKilledAroundEveryCall kills a run before
// and after each of its calls takes effect, and runs again at once, and the
// next day.
func TestReprotectionConvergesAfterBeingKilledAroundEveryCall(t *testing.T) {
	t.Parallel()
	t.Run("fenced by others", func(t *testing.T) {
		t.Parallel()
		killAroundEveryCall(t, home, func(*cloud) {}, 0, 24*time.Hour)
	})
	t.Run("fenced by itself", func(t *testing.T) {
		t.Parallel()
		killAroundEveryCall(t, homeFenced, (*cloud).unfence, 0)
	})
}

func killAroundEveryCall(t *testing.T, spec func() rds.ReplicaSpec, prepare func(*cloud), delays ...time.Duration) {
	for _, when := range []string{"before", "after"} {
		for _, later := range delays {
			for n := 1; ; n++ {
				killed := false
				turning(t, func(t *testing.T, c *cloud) {
					prepare(c)
					ctx, kill := context.WithTimeout(t.Context(), 4*time.Hour)
					defer kill()
					calls := 0
					hook := func(string) error {
						c.mu.Lock()
						calls++
						hit := calls == n
						c.mu.Unlock()
						if hit {
							killed = true
							kill()
							return ctx.Err()
						}
						return nil
					}
					if when == "before" {
						c.fail = hook
					} else {
						c.after = hook
					}
					_, err := c.service(east).EnsureReplica(ctx, spec())
					if killed && err == nil && calls <= n {
						t.Errorf("killed %s call %d, yet no error", when, n)
					}
					c.fail, c.after = nil, nil
					time.Sleep(later)
					out, err := ensureReplica(t, c, spec())
					if err != nil || out.RetiredAs == "" {
						t.Errorf("resumed after being killed %s call %d: %+v, %v", when, n, out, err)
					}
					if out.RetiredAs == retiredAs { // else killed before the record, resumed the next day
						c.wantHome(t)
					} else if later == 0 || len(c.turns.renamed) != 1 || len(c.turns.created) != 1 {
						t.Errorf("killed %s call %d: retired as %s: %q", when, n, out.RetiredAs, c.calls)
					}
					if c.net.rebooted > 1 || worn(c.get(east, out.RetiredAs)) != fenceGroup {
						t.Errorf("killed %s call %d: retired in %s, %d reboots", when, n, worn(c.get(east, out.RetiredAs)), c.net.rebooted)
					}
					// The class is the old writer's also when it was retired by
					// the run before.
					if in := c.turns.created[0]; *in.DBInstanceClass != "db.r6g.large" {
						t.Errorf("killed %s call %d: built with %s", when, n, *in.DBInstanceClass)
					}
				})
				if !killed {
					if n < 20 {
						t.Errorf("only %d calls were made", n)
					}
					break
				}
			}
		}
	}
}

// TestReprotectionSurvivesLostCalls loses each kind of call, or its answer.
func TestReprotectionSurvivesLostCalls(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection reset by peer")
	for _, operation := range []string{"ModifyDBInstance orders " + retiredAs, "CreateDBInstanceReadReplica", "ModifyDBInstance orders"} {
		for _, when := range []string{"before", "after"} {
			t.Run(operation+" "+when, func(t *testing.T) {
				t.Parallel()
				turning(t, func(t *testing.T, c *cloud) {
					c.stale = 20 * time.Second // still reads available for long
					left := 2
					hook := func(call string) error {
						c.mu.Lock()
						defer c.mu.Unlock()
						// The second of two names of operations begins the first.
						if call == "us-east-1 "+operation || strings.HasPrefix(call, "us-east-1 "+operation+" orders") {
							if left--; left >= 0 {
								return lost
							}
						}
						return nil
					}
					if when == "before" {
						c.fail = hook
					} else {
						c.after = hook
					}
					spec := home()
					spec.BackupRetentionPeriod = aws.Int32(7)
					out, err := ensureReplica(t, c, spec)
					if err != nil || out.Instance.BackupRetention != 7 {
						t.Errorf("%+v, %v", out, err)
					}
					if left == 2 {
						t.Errorf("nothing was lost: %q", c.calls)
					}
					c.wantHome(t)
				})
			})
		}
	}
}

func TestReprotectionWaitsForWhatIsBusy(t *testing.T) {
	t.Parallel()
	busy := func(db *types.DBInstance, c *cloud) {
		db.DBInstanceStatus = aws.String("backing-up")
		c.later(20*time.Minute, func() { db.DBInstanceStatus = aws.String("available") })
	}
	for name, prepare := range map[string]func(c *cloud){
		"the old writer": func(c *cloud) { busy(c.get(east, "orders"), c) },
		"the source":     func(c *cloud) { busy(c.get(west, replica), c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				prepare(c)
				if _, err := ensureReplica(t, c, home()); err != nil {
					t.Error(err)
				}
				c.wantHome(t)
			})
		})
	}
}

func TestRetiresUnderANameThatIsFree(t *testing.T) {
	t.Parallel()
	t.Run("taken from the beginning", func(t *testing.T) {
		t.Parallel()
		turning(t, func(t *testing.T, c *cloud) {
			for _, id := range []string{retiredAs, retiredAs + "-2"} {
				c.instances[east+"/"+id] = &types.DBInstance{DBInstanceIdentifier: &id, DbiResourceId: &id, DBInstanceStatus: aws.String("available")}
			}
			out, err := ensureReplica(t, c, home())
			if err != nil || out.RetiredAs != retiredAs+"-3" || len(c.turns.renamed) != 1 {
				t.Errorf("%+v, %v", out, err)
			}
		})
	})
	t.Run("taken after it was recorded", func(t *testing.T) {
		t.Parallel()
		turning(t, func(t *testing.T, c *cloud) {
			taken := retiredAs
			c.after = func(call string) error {
				if strings.Contains(call, " AddTagsToResource ") {
					c.mu.Lock()
					c.instances[east+"/"+taken] = &types.DBInstance{DBInstanceIdentifier: &taken, DbiResourceId: &taken, DBInstanceStatus: aws.String("available")}
					c.mu.Unlock()
				}
				return nil
			}
			out, err := ensureReplica(t, c, home())
			if err != nil || out.RetiredAs != retiredAs+"-2" || len(c.turns.renamed) != 1 {
				t.Errorf("%+v, %v", out, err)
			}
		})
	})
	t.Run("of the longest identifier", func(t *testing.T) {
		t.Parallel()
		turning(t, func(t *testing.T, c *cloud) {
			long := strings.Repeat("orders-", 9)[:61] + "db"
			old := c.get(east, "orders")
			delete(c.instances, east+"/orders")
			c.instances[east+"/"+long] = old
			old.DBInstanceIdentifier, old.DBInstanceArn = &long, aws.String("arn:aws:rds:us-east-1:111111111111:db:"+long)
			c.get(west, replica).TagList[0].Value = old.DBInstanceArn
			spec := home()
			spec.Identifier, spec.Accept, spec.Fences = long, []string{rds.AcceptUnfencedSource}, nil
			out, err := ensureReplica(t, c, spec)
			if err != nil || len(out.RetiredAs) > 63 || !strings.HasSuffix(out.RetiredAs, "-retired-20000101") || strings.Contains(out.RetiredAs, "--") {
				t.Errorf("%+v, %v", out, err)
			}
			list, err := c.service(east).Retired(t.Context())
			if err != nil || len(list) != 1 || list[0].From != long || list[0].At.Format(time.RFC3339) != "2000-01-01T00:00:00Z" {
				t.Errorf("%+v, %v", list, err)
			}
		})
	})
}

func TestGivesTheReplicaWhatItsCreationDoesNotTake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(db *types.DBInstance, spec *rds.ReplicaSpec)
		changes int
		warns   string
	}{
		"nothing is asked for": {func(*types.DBInstance, *rds.ReplicaSpec) {}, 0, ""},
		"backups":              {func(_ *types.DBInstance, s *rds.ReplicaSpec) { s.BackupRetentionPeriod = aws.Int32(3) }, 1, ""},
		"protection":           {func(_ *types.DBInstance, s *rds.ReplicaSpec) { s.DeletionProtection = aws.Bool(true) }, 1, ""},
		"protection is kept on": {func(db *types.DBInstance, s *rds.ReplicaSpec) {
			db.DeletionProtection, s.DeletionProtection = aws.Bool(true), aws.Bool(false)
		}, 0, ""},
		"it has what is wanted": {func(_ *types.DBInstance, s *rds.ReplicaSpec) { s.BackupRetentionPeriod = aws.Int32(7) }, 0, ""},
		"others' changes wait": {func(db *types.DBInstance, s *rds.ReplicaSpec) {
			s.BackupRetentionPeriod = aws.Int32(3)
			db.PendingModifiedValues = &types.PendingModifiedValues{EngineVersion: aws.String("17.1")}
		}, 0, "has pending modifications"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				db, spec := c.get(east, "orders"), home()
				replicate(db, writerARN)
				test.prepare(db, &spec)
				out, err := ensureReplica(t, c, spec)
				if err != nil || len(c.turns.modified) != test.changes || c.mutations() != test.changes {
					t.Errorf("%v, %d changes, want %d", err, c.mutations(), test.changes)
				}
				if said := fmt.Sprint(out.Warnings); !strings.Contains(said, test.warns) || test.warns == "" && len(out.Warnings) > 0 {
					t.Errorf("warnings: %s", said)
				}
				if r := spec.BackupRetentionPeriod; r != nil && test.warns == "" && aws.ToInt32(db.BackupRetentionPeriod) != *r {
					t.Errorf("retention %d", aws.ToInt32(db.BackupRetentionPeriod))
				}
			})
		})
	}
}

func TestReprotectionTellsHowFarItGot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after time.Duration
		says  []string
	}{
		"during the rename": {30 * time.Second, []string{"The rename of the old writer to " + retiredAs, "renaming", "timeouts.create"}},
		"during the copy":   {10 * time.Minute, []string{"RDS builds the replica", "creating", "timeouts.create"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				ctx, cancel := context.WithTimeout(t.Context(), test.after)
				defer cancel()
				_, err := c.service(east).EnsureReplica(ctx, home())
				wantError(t, err, rds.KindTimeout, "", test.says...)
				if _, err := ensureReplica(t, c, home()); err != nil {
					t.Error(err)
				}
				c.wantHome(t)
			})
		})
	}
}

func TestReprotectionIsRefusedByRDS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operation string
		err       error
		field     string
		says      []string
		changed   []string
	}{
		"no permission to tag": {
			"AddTagsToResource", refusal("AccessDenied", "no permission for rds:AddTagsToResource"), "", []string{"no permission", "Nothing was changed"}, nil,
		},
		"no permission to rename": {
			"ModifyDBInstance", refusal("AccessDenied", "no permission for rds:ModifyDBInstance"), "", []string{"The old writer was tagged"}, []string{"AddTagsToResource"},
		},
		"a key that cannot be used": {
			"CreateDBInstanceReadReplica", refusal("KMSKeyNotAccessibleFault", "the key is disabled"), rds.FieldKMSKey,
			[]string{"the key is disabled", "The old writer is renamed and kept"}, []string{"AddTagsToResource", "ModifyDBInstance"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				c.fail = only(east, test.operation, test.err)
				_, err := ensureReplica(t, c, home())
				wantError(t, err, rds.KindRefused, test.field, test.says...)
				var changed []string
				for _, call := range c.calls {
					words := strings.Fields(call)
					if !strings.HasPrefix(words[1], "Describe") && words[1] != test.operation && !slices.Contains(changed, words[1]) {
						changed = append(changed, words[1])
					}
				}
				if !slices.Equal(changed, test.changed) || c.count(test.operation) != 1 {
					t.Errorf("changing calls %q, want %q: %q", changed, test.changed, c.calls)
				}
				c.fail = nil
				if _, err := ensureReplica(t, c, home()); err != nil {
					t.Error(err)
				}
				c.wantHome(t)
			})
		})
	}
}

func TestReprotectionGivesUpOnAReplicationThatEnded(t *testing.T) {
	t.Parallel()
	turning(t, func(t *testing.T, c *cloud) {
		db := c.get(east, "orders")
		replicate(db, writerARN)
		db.StatusInfos[0].Status = aws.String("terminated")
		_, err := ensureReplica(t, c, home())
		wantError(t, err, rds.KindNotReady, rds.FieldIdentifier, `its replication is "terminated"`)
		if c.mutations() != 0 {
			t.Errorf("something was changed: %q", c.calls)
		}
	})
}

func TestWarnsOfWhatAReprotectionDoes(t *testing.T) {
	t.Parallel()
	turning(t, func(t *testing.T, c *cloud) {
		c.get(east, "orders").ReadReplicaDBInstanceIdentifiers = []string{"orders-reports"}
		c.get(east, "orders").PendingModifiedValues.MultiAZ = aws.Bool(false)
		spec := home()
		spec.Fences, spec.Accept = nil, []string{rds.AcceptUnfencedSource}
		a, err := c.service(east).AssessReplica(t.Context(), spec)
		if err != nil || a.Err() != nil || c.mutations() != 0 {
			t.Fatalf("%v, %v", err, a.Err())
		}
		var said []string
		for _, w := range a.Warnings {
			said = append(said, w.Summary)
		}
		want := []string{
			"orders: old writer is not fenced and may still be writing",
			"orders: will be renamed to " + retiredAs + " and kept",
			"orders: modifications that wait for its maintenance window are applied by the rename",
			"orders: has replicas that keep following it (1)",
			"orders: a replica of orders-usw2 will be built in us-east-1 (db.r6g.large, 120 GiB gp3, Multi-AZ)",
		}
		if !slices.Equal(said, want) {
			t.Errorf("warned %q", said)
		}
		spec.Accept, spec.FencesUnknown = nil, true
		if a, err = c.service(east).AssessReplica(t.Context(), spec); err != nil || a.Err() != nil ||
			!strings.Contains(a.Warnings[0].Summary, "the fence of this plan is applied first") {
			t.Errorf("with a fence in the same plan: %+v, %v", a, err)
		}
		_, err = ensureReplica(t, c, spec)
		wantError(t, err, rds.KindUnfencedSource, rds.FieldFences, "No fence of it is given")
		if c.mutations() != 0 {
			t.Errorf("a fence that never came to be: %q", c.calls)
		}
	})
}
