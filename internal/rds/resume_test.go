// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// TestResumesFromEveryIntermediateState starts a run at many points of a
// promotion that an earlier run began.
func TestResumesFromEveryIntermediateState(t *testing.T) {
	t.Parallel()
	for at := time.Duration(0); at < 100*time.Second; at += 1500 * time.Millisecond {
		virtual(t, func(t *testing.T, c *cloud) {
			c.mu.Lock()
			c.lifecycle(c.get(west, replica))
			c.mu.Unlock()
			time.Sleep(at)
			out, err := ensure(t, c, wanted())
			if err != nil || out.Instance.IsReplica() || !out.Promoted {
				t.Errorf("after %s: %+v, %v", at, out, err)
			}
			if c.promoted != 1 {
				t.Errorf("after %s: %d promotions", at, c.promoted)
			}
		})
	}
}

// TestConvergesAfterBeingKilledAroundEveryCall kills a run before and after
// each of its calls takes effect, and runs again.
func TestConvergesAfterBeingKilledAroundEveryCall(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before", "after"} {
		for n := 1; ; n++ {
			killed := false
			virtual(t, func(t *testing.T, c *cloud) {
				ctx, kill := context.WithTimeout(t.Context(), 30*time.Minute)
				defer kill()
				healthy := c.fail
				calls := 0
				hook := func(call string) error {
					c.mu.Lock()
					calls++
					hit := calls == n
					c.mu.Unlock()
					if hit {
						killed = true
						kill()
						return ctx.Err()
					}
					return healthy(call)
				}
				if when == "before" {
					c.fail = hook
				} else {
					c.after = hook
				}
				_, err := c.service(west).Ensure(ctx, wanted())
				if !killed {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil && calls <= n {
					t.Errorf("killed %s call %d, yet no error", when, n)
				}
				c.fail, c.after = healthy, nil
				out, err := ensure(t, c, wanted())
				if err != nil || out.Instance.IsReplica() || out.Instance.Status != "available" {
					t.Errorf("resumed after being killed %s call %d: %+v, %v", when, n, out, err)
				}
				if c.promoted != 1 {
					t.Errorf("killed %s call %d: %d promotions", when, n, c.promoted)
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

func TestNeverGivesUpWhatMayHaveBeenAccepted(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection reset by peer")
	t.Run("answer lost after it took effect", func(t *testing.T) {
		t.Parallel()
		virtual(t, func(t *testing.T, c *cloud) {
			c.stale = 20 * time.Second // still reads available for long
			c.after = only(west, "PromoteReadReplica", lost)
			if _, err := ensure(t, c, wanted()); err != nil || c.promoted != 1 {
				t.Errorf("%v, %d promotions", err, c.promoted)
			}
		})
	})
	t.Run("call lost before it took effect", func(t *testing.T) {
		t.Parallel()
		virtual(t, func(t *testing.T, c *cloud) {
			healthy, lose := c.fail, 3
			c.fail = func(call string) error {
				if strings.Contains(call, " PromoteReadReplica ") && lose > 0 {
					lose--
					return lost
				}
				return healthy(call)
			}
			if _, err := ensure(t, c, wanted()); err != nil || c.promoted != 1 {
				t.Errorf("%v, %d promotions", err, c.promoted)
			}
		})
	})
	t.Run("source comes back after the answer was lost", func(t *testing.T) {
		t.Parallel()
		virtual(t, func(t *testing.T, c *cloud) {
			c.stale = 20 * time.Second
			c.after = func(call string) error {
				if strings.Contains(call, " PromoteReadReplica ") {
					c.fail = nil
					return lost
				}
				return nil
			}
			if _, err := ensure(t, c, wanted()); err != nil || c.promoted != 1 {
				t.Errorf("%v, %d promotions", err, c.promoted)
			}
		})
	})
	t.Run("a backup begins between the look and the call", func(t *testing.T) {
		t.Parallel()
		virtual(t, func(t *testing.T, c *cloud) {
			db, first, healthy := c.get(west, replica), true, c.fail
			c.fail = func(call string) error {
				if strings.Contains(call, " PromoteReadReplica ") && first {
					first = false
					c.mu.Lock()
					db.DBInstanceStatus = aws.String("backing-up")
					c.mu.Unlock()
					c.later(5*time.Minute, func() { db.DBInstanceStatus = aws.String("available") })
				}
				return healthy(call)
			}
			spec := wanted()
			limit := time.Hour
			spec.MaxEstimatedLoss = &limit
			if _, err := ensure(t, c, spec); err != nil || c.promoted != 1 {
				t.Errorf("%v, %d promotions", err, c.promoted)
			}
			if n := c.count("PromoteReadReplica"); n != 2 {
				t.Errorf("%d calls: a replica that is backing-up must be waited for", n)
			}
		})
	})
	t.Run("describes fail while the promotion runs", func(t *testing.T) {
		t.Parallel()
		virtual(t, func(t *testing.T, c *cloud) {
			healthy := c.fail
			start := time.Now()
			c.fail = func(call string) error {
				if since := time.Since(start); since > 30*time.Second && since < 80*time.Second {
					return refusal("Throttling", "Rate exceeded")
				}
				return healthy(call)
			}
			if _, err := ensure(t, c, wanted()); err != nil || c.promoted != 1 {
				t.Errorf("%v, %d promotions", err, c.promoted)
			}
		})
	})
}

func TestGivesUpWhenRDSKeepsRefusing(t *testing.T) {
	t.Parallel()
	virtual(t, func(t *testing.T, c *cloud) {
		healthy := c.fail
		c.fail = func(call string) error {
			if strings.Contains(call, " PromoteReadReplica ") {
				return &types.InvalidDBInstanceStateFault{Message: aws.String("mounted mode")}
			}
			return healthy(call)
		}
		start := time.Now()
		_, err := ensure(t, c, wanted())
		wantError(t, err, rds.KindRefused, rds.FieldIdentifier, "mounted mode")
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}
