// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// leaks checks that a fence is refused because of its group's rule, and that the
// tag says from now on that it does not hold.
func leaks(t *testing.T, c *cloud) {
	t.Helper()
	_, err := ensureFence(t, c, fenced())
	wantError(t, err, rds.KindFenceGroups, rds.FieldFenceGroups, fenceGroup+" has 1 ingress rules", "Remove its ingress rules", "does not hold")
	if tag := tagOf(c.get(east, "orders")); !strings.HasPrefix(tag, "swapping ") {
		t.Errorf("tag %q", tag)
	}
}

// TestFenceWithARuleDoesNotHold has somebody add an ingress rule to the group of
// a fence that is held: clients come in, and are still in when the rule is gone.
func TestFenceWithARuleDoesNotHold(t *testing.T) {
	t.Parallel()
	fencing(t, func(t *testing.T, c *cloud) {
		hold(t, c)
		before, err := c.service(east).FindFence(t.Context(), fenced())
		if err != nil {
			t.Fatal(err)
		}
		setRules(c, fenceGroup, 1)
		f, err := c.service(east).FindFence(t.Context(), fenced())
		if err != nil || f.State != rds.FenceOpen || !strings.Contains(f.Drift, fenceGroup+" has 1 ingress rules") || f.Proof(east, "orders").Held() {
			t.Errorf("%+v, %v", f, err)
		}
		a, err := c.service(east).AssessFence(t.Context(), fenced())
		if err != nil || a.Err() != nil || len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0].Detail, "only another reboot ends their sessions") {
			t.Errorf("%+v, %v", a, err)
		}
		wantChanges(t, c)
		leaks(t, c)
		wantChanges(t, c, "AddTagsToResource")
		setRules(c, fenceGroup, 0)
		if !c.net.session {
			t.Error("the client should still be in")
		}
		out, err := ensureFence(t, c, fenced())
		if err != nil || !out.Status.Since.After(before.Since) || c.net.rebooted != 2 {
			t.Errorf("%+v, %v, %d reboots", out, err, c.net.rebooted)
		}
		wantHeld(t, c)
	})
	fencing(t, func(t *testing.T, c *cloud) { // the rule comes while the instance reboots
		c.after = func(call string) error {
			if strings.Contains(call, " RebootDBInstance ") {
				c.later(20*time.Second, func() { go setRules(c, fenceGroup, 1) })
			}
			return nil
		}
		leaks(t, c)
		c.after = nil
		setRules(c, fenceGroup, 0)
		if _, err := ensureFence(t, c, fenced()); err != nil || c.net.rebooted != 2 {
			t.Errorf("%v, %d reboots", err, c.net.rebooted)
		}
		wantHeld(t, c)
	})
	fencing(t, func(t *testing.T, c *cloud) { // whom it lets in cannot be found out: unknown is not held
		hold(t, c)
		c.fail = only(east, "DescribeSecurityGroups", refusal("UnauthorizedOperation", "not authorized"))
		f, err := c.service(east).FindFence(t.Context(), fenced())
		wantError(t, err, rds.KindRead, "", "not authorized")
		if f.State == rds.FenceFenced {
			t.Errorf("%+v", f)
		}
		if _, err := ensureFence(t, c, open()); err != nil { // and does not matter when it is lifted
			t.Error(err)
		}
		wantOpen(t, c)
	})
}
