// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// A write fence cannot be looked at from here: the plan says so, unless a network
// fence of the source is seen to hold.
func TestWriteFenceIsTakenAtItsWordAloud(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{false, true} {
		fencing(t, func(t *testing.T, c *cloud) {
			spec, proof := plannedMove(t, c)
			c.lag[replica] = datum{time.Now(), 0}
			c.get(east, "orders").Endpoint = &types.Endpoint{Address: aws.String("orders.example.com"), Port: aws.Int32(5432)}
			spec.Fences = []fence.Proof{{State: fence.StateHeld, Kind: fence.KindPostgreSQL, Subject: "orders.example.com:5432", Since: proof.Since}}
			want := "orders: its write fence is taken at its word (held since " + proof.Since.Format(time.RFC3339) + ")"
			if both {
				spec.Fences = append(spec.Fences, proof)
			}
			a, err := c.service(west).Assess(t.Context(), spec)
			if err != nil || a.Err() != nil {
				t.Fatalf("%v, %v", err, a.Err())
			}
			if said := len(a.Warnings) == 2 && a.Warnings[0].Summary == want; said == both || !said && len(a.Warnings) != 1 {
				t.Errorf("both %t: %+v", both, a.Warnings)
			}
		})
	}
}

// The same before an old writer is renamed.
func TestRetirementTakesAWriteFenceAtItsWordAloud(t *testing.T) {
	t.Parallel()
	for _, state := range []string{fence.StateHeld, fence.StateOpen} {
		turning(t, func(t *testing.T, c *cloud) {
			c.unfence()
			spec := home()
			spec.Fences = []fence.Proof{{State: state, Kind: fence.KindPostgreSQL, Subject: "orders.example.com:5432", Since: time.Now()}}
			a, err := c.service(east).AssessReplica(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			said := slices.ContainsFunc(a.Warnings, func(w rds.Warning) bool { return w.Summary == "orders: its write fence is taken at its word" })
			if held := state == fence.StateHeld; said != held || (a.Err() == nil) != held {
				t.Errorf("%s: %v, %+v", state, a.Err(), a.Warnings)
			}
		})
	}
}
