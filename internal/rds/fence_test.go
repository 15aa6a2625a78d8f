// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// fenced is the spec of a fence that is to be held; open of one that is not.
func fenced() rds.FenceSpec {
	return rds.FenceSpec{Identifier: "orders", Fenced: true, Groups: []string{fenceGroup}, Required: true, Original: []string{openGroup}}
}

func open() rds.FenceSpec {
	spec := fenced()
	spec.Fenced, spec.WasFenced = false, true
	return spec
}

// fencing runs a test in virtual time.
func fencing(t *testing.T, f func(t *testing.T, c *cloud)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, newFenceable())
		time.Sleep(10 * time.Minute) // lets what the fake still has to do end
	})
}

func ensureFence(t *testing.T, c *cloud, spec rds.FenceSpec) (rds.FenceOutcome, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	return c.service(east).EnsureFence(ctx, spec)
}

// changes are the calls so far that change something.
func (c *cloud) changes() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if name := strings.Fields(call)[1]; !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") {
			names = append(names, name)
		}
	}
	return names
}

func wantChanges(t *testing.T, c *cloud, want ...string) {
	t.Helper()
	if got := c.changes(); !slices.Equal(got, want) {
		t.Errorf("changing calls %q, want %q", got, want)
	}
}

// wantHeld checks the fence from outside: nobody is in, and nobody gets in.
func wantHeld(t *testing.T, c *cloud) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	db := c.get(east, "orders")
	if worn(db) != fenceGroup || c.net.session || c.admits(db) || aws.ToString(db.DBInstanceStatus) != "available" {
		t.Errorf("in %s, %s, session %t", worn(db), aws.ToString(db.DBInstanceStatus), c.net.session)
	}
	if tag := tagOf(db); !strings.HasPrefix(tag, "held ") || !strings.HasSuffix(tag, " "+strings.TrimPrefix(openGroup, "sg-")+" "+strings.TrimPrefix(fenceGroup, "sg-")) {
		t.Errorf("tag %q", tag)
	}
}

// wantOpen checks that everything is as it was.
func wantOpen(t *testing.T, c *cloud) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if db := c.get(east, "orders"); worn(db) != openGroup || tagOf(db) != "" || !c.admits(db) {
		t.Errorf("in %s, tag %q", worn(db), tagOf(db))
	}
}

var fenceCalls = []string{"AddTagsToResource", "ModifyDBInstance", "AddTagsToResource", "RebootDBInstance", "AddTagsToResource"}

func TestFenceCutsWritersOffAndLetsThemBack(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		var order []string // what the instance was when each change was asked for
		c.fail = func(call string) error {
			if !strings.Contains(call, " Describe") {
				order = append(order, strings.Fields(call)[1]+": "+strings.Fields(tagOf(c.get(east, "orders")) + " -")[0]+" "+worn(c.get(east, "orders")))
			}
			return nil
		}
		out, err := ensureFence(t, c, fenced())
		if err != nil {
			t.Fatal(err)
		}
		wantHeld(t, c)
		wantChanges(t, c, fenceCalls...)
		want := []string{
			"AddTagsToResource: - " + openGroup,
			"ModifyDBInstance: swapping " + openGroup,
			"AddTagsToResource: swapping " + fenceGroup,
			"RebootDBInstance: rebooting " + fenceGroup,
			"AddTagsToResource: rebooting " + fenceGroup,
		}
		if !slices.Equal(order, want) {
			t.Errorf("order:\n%s\nwant:\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
		}
		restarted := aws.ToTime(c.net.events[0].Date)
		if s := out.Status; s.State != rds.FenceFenced || s.Since.Before(restarted) || s.Since.After(restarted.Add(5*time.Second)) || !slices.Equal(s.Original, []string{openGroup}) {
			t.Errorf("got %+v, restarted at %s", s, restarted)
		}
		proof := out.Status.Proof(east, "orders")
		if !proof.Held() || proof.Subject != "us-east-1/orders" || !proof.Since.Equal(out.Status.Since) {
			t.Errorf("proof %q", proof)
		}
		// Found as it was left, and left as it was found.
		c.calls = nil
		again, err := ensureFence(t, c, fenced())
		if err != nil || again.Status.Proof(east, "orders") != proof {
			t.Errorf("%+v, %v", again, err)
		}
		wantChanges(t, c)

		out, err = ensureFence(t, c, open())
		if err != nil || out.Status.State != rds.FenceOpen || len(out.Warnings) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		wantOpen(t, c)
		wantChanges(t, c, "AddTagsToResource", "ModifyDBInstance", "RemoveTagsFromResource")
		c.calls = nil
		if _, err = ensureFence(t, c, open()); err != nil {
			t.Error(err)
		}
		wantChanges(t, c)
		if c.net.rebooted != 1 {
			t.Errorf("%d reboots", c.net.rebooted)
		}
	})
}

// TestFenceConvergesAfterBeingKilledAroundEveryCall kills a run before and after
// each of its calls takes effect, and runs again: both ways, and one way over
// the other.
func TestFenceConvergesAfterBeingKilledAroundEveryCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, then rds.FenceSpec
		check       func(*testing.T, *cloud)
		calls       int // at least
	}{
		"fence":                 {fenced(), fenced(), wantHeld, 12},
		"lift":                  {open(), open(), wantOpen, 6},
		"fence, then give up":   {fenced(), open(), wantOpen, 12},
		"lift, and fence again": {open(), fenced(), wantHeld, 6},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					killed := false
					fencing(t, func(t *testing.T, c *cloud) {
						if !test.first.Fenced {
							if _, err := ensureFence(t, c, fenced()); err != nil {
								t.Fatal(err)
							}
						}
						rebooted := c.net.rebooted
						ctx, kill := context.WithTimeout(t.Context(), 30*time.Minute)
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
						_, err := c.service(east).EnsureFence(ctx, test.first)
						c.fail, c.after = nil, nil
						if !killed {
							if err != nil || calls < test.calls {
								t.Errorf("%d calls, %v", calls, err)
							}
							return
						}
						out, err := ensureFence(t, c, test.then)
						if err != nil || !slices.Equal(out.Status.Original, []string{openGroup}) {
							t.Errorf("resumed after being killed %s call %d: %+v, %v", when, n, out, err)
						}
						test.check(t, c)
						if c.net.rebooted > rebooted+1 {
							t.Errorf("killed %s call %d: %d reboots", when, n, c.net.rebooted-rebooted)
						}
						if got := c.net.session; got == test.then.Fenced {
							t.Errorf("killed %s call %d: session %t", when, n, got)
						}
					})
					if !killed {
						return
					}
				}
			})
		}
	}
}

// TestFenceOutlivesLostAnswersAndThrottling loses each changing call's answer
// once, before and after it took effect, and has each throttled.
func TestFenceOutlivesLostAnswersAndThrottling(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection reset by peer")
	for _, operation := range []string{"ModifyDBInstance", "RebootDBInstance"} {
		for name, fault := range map[string]struct {
			err   error
			after bool
		}{
			"lost before": {lost, false}, "lost after": {lost, true}, "throttled": {refusal("Throttling", "Rate exceeded"), false},
			"not in a state for it": {&types.InvalidDBInstanceStateFault{}, false},
		} {
			t.Run(operation+" "+name, func(t *testing.T) {
				t.Parallel()
				fencing(t, func(t *testing.T, c *cloud) {
					times := 1
					hook := func(call string) error {
						if strings.Contains(call, operation) && times > 0 {
							times--
							return fault.err
						}
						return nil
					}
					if fault.after {
						c.after = hook
					} else {
						c.fail = hook
					}
					if _, err := ensureFence(t, c, fenced()); err != nil {
						t.Fatal(err)
					}
					wantHeld(t, c)
					if times != 0 || c.net.rebooted != 1 || c.net.modified != 1 {
						t.Errorf("%d reboots, %d modifications", c.net.rebooted, c.net.modified)
					}
				})
			})
		}
	}
}

// A reboot of which nothing shows whether it happened is asked for again: one
// that did not happen would leave writers.
func TestFenceWithoutEventsRebootsAgain(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		ctx, kill := context.WithTimeout(t.Context(), 30*time.Minute)
		c.after = func(call string) error {
			if strings.Contains(call, " RebootDBInstance ") {
				kill()
			}
			return nil
		}
		if _, err := c.service(east).EnsureFence(ctx, fenced()); err == nil {
			t.Error("killed, yet no error")
		}
		time.Sleep(5 * time.Minute)
		c.after, c.fail = nil, only(east, "DescribeEvents", refusal("AccessDenied", "no permission"))
		if _, err := ensureFence(t, c, fenced()); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, c)
		if c.net.rebooted != 2 {
			t.Errorf("%d reboots", c.net.rebooted)
		}
	})
}

func TestFenceOfASilentRegion(t *testing.T) {
	t.Parallel()
	bestEffort := fenced()
	bestEffort.Required = false
	wantUnreached := func(t *testing.T, out rds.FenceOutcome, err error) {
		t.Helper()
		if err != nil || out.Status.State != rds.FenceUnreached || !slices.Equal(out.Status.Original, []string{openGroup}) ||
			len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0].Summary, "orders: could not be fenced in us-east-1 and may still be writing") {
			t.Errorf("%+v, %v", out, err)
		}
		if got := out.Status.Proof(east, "orders").String(); got != "unreached network us-east-1/orders" {
			t.Errorf("proof %q", got)
		}
	}
	fencing(t, func(t *testing.T, c *cloud) {
		c.down(east)
		_, err := ensureFence(t, c, fenced())
		wantError(t, err, rds.KindRead, "", "gave no answer within 3s")
		out, err := ensureFence(t, c, bestEffort)
		wantUnreached(t, out, err)
		wantChanges(t, c)
		// Nothing is wanted of it: nothing depends on it. Lifting is wanted.
		peace := open()
		peace.WasFenced = false
		if out, err = ensureFence(t, c, peace); err != nil || out.Status.State != rds.FenceUnknown || len(out.Warnings) != 1 {
			t.Errorf("%+v, %v", out, err)
		}
		_, err = ensureFence(t, c, open())
		wantError(t, err, rds.KindRead, "", "gave no answer within 3s")
		// It answers again: the fence is finished.
		c.fail = nil
		if out, err = ensureFence(t, c, bestEffort); err != nil || out.Status.State != rds.FenceFenced {
			t.Errorf("%+v, %v", out, err)
		}
		wantHeld(t, c)
	})
	for _, operation := range []string{"ModifyDBInstance", "RebootDBInstance", "DescribeSecurityGroups"} {
		fencing(t, func(t *testing.T, c *cloud) { // falls silent, or denies, in the midst of it
			c.fail = func(call string) error {
				if strings.Contains(call, " "+operation+" ") {
					c.down(east)
					return c.fail(call)
				}
				return nil
			}
			start := time.Now()
			out, err := ensureFence(t, c, bestEffort)
			wantUnreached(t, out, err)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%s: took %s", operation, took)
			}
		})
		fencing(t, func(t *testing.T, c *cloud) {
			c.fail = only(east, operation, refusal("AccessDenied", "not authorized to "+operation))
			out, err := ensureFence(t, c, bestEffort)
			wantUnreached(t, out, err)
			_, err = ensureFence(t, c, fenced())
			if e, ok := errors.AsType[*rds.Error](err); !ok || !strings.Contains(e.Detail(), "not authorized to "+operation) || !strings.Contains(e.Detail(), "permission") {
				t.Errorf("%s denied: %v", operation, err)
			}
			c.fail = only(east, operation, refusal("ExpiredToken", "expired"))
			if _, err = ensureFence(t, c, bestEffort); err == nil {
				t.Error("best-effort, yet expired credentials concern every region")
			}
		})
	}
	fencing(t, func(t *testing.T, c *cloud) { // a person interrupts: nothing goes on
		ctx, stop := context.WithCancel(t.Context())
		c.fail = func(call string) error {
			if strings.Contains(call, " ModifyDBInstance ") {
				stop()
			}
			return nil
		}
		if _, err := c.service(east).EnsureFence(ctx, bestEffort); err == nil {
			t.Error("interrupted, yet no error")
		}
	})
}

func TestFenceTimesOut(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := c.service(east).EnsureFence(ctx, fenced())
		wantError(t, err, rds.KindTimeout, "", "rebooting, "+fenceGroup+" active", "timeouts.update", "sessions that were open may still write")
	})
	fencing(t, func(t *testing.T, c *cloud) { // best-effort: nothing waits longer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		spec := fenced()
		spec.Required = false
		out, err := c.service(east).EnsureFence(ctx, spec)
		if err != nil || out.Status.State != rds.FenceUnreached || len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0].Detail, "sessions that were open may still write") {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestAnEstateOfFencesCostsWhatOneCosts fences a hundred databases at once.
func TestAnEstateOfFencesCostsWhatOneCosts(t *testing.T) {
	t.Parallel()
	looks := func(n int) (calls int, took time.Duration) {
		fencing(t, func(t *testing.T, c *cloud) {
			template := *c.get(east, "orders")
			for k := range n {
				db := template
				db.DBInstanceIdentifier = aws.String(fmt.Sprint("db", k))
				db.DBInstanceArn = aws.String(fmt.Sprint("arn:aws:rds:us-east-1:111111111111:db:db", k))
				wear(&db, openGroup)
				c.instances[east+"/"+*db.DBInstanceIdentifier] = &db
			}
			c.fail = func(call string) error {
				// The fake has one instance in mind.
				c.mu.Lock()
				c.net.busy = false
				c.mu.Unlock()
				return nil
			}
			service, start := c.service(east), time.Now()
			var group sync.WaitGroup
			for k := range n {
				group.Go(func() {
					spec := fenced()
					spec.Identifier = fmt.Sprint("db", k)
					if _, err := service.EnsureFence(t.Context(), spec); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			calls, took = c.count("DescribeDBInstances")+c.count("DescribeSecurityGroups"), time.Since(start)
			if c.net.rebooted != n || c.net.modified != n {
				t.Errorf("%d reboots, %d modifications of %d", c.net.rebooted, c.net.modified, n)
			}
		})
		return calls, took
	}
	one, onceTook := looks(1)
	many, manyTook := looks(100)
	if many > one+4 || manyTook > onceTook+2*time.Second {
		t.Errorf("1: %d looks in %s; 100: %d looks in %s", one, onceTook, many, manyTook)
	}
}
