// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// point is one call of the failover, at one side of its effect.
type point struct {
	service, operation, region string
	// nth call of that operation and region, from 1.
	nth  int
	when engine.When
	// poll: whether the call is made depends on timing.
	poll bool
}

func (p point) String() string {
	return fmt.Sprintf("%s_%s_%s_%d_%s", p.service, p.operation, p.region, p.nth, p.when)
}

// points are where a run can be cut, from the calls of a run that was not. A
// call that changes nothing looks the same to its caller whether it is cut
// before or after the server has handled it: it is cut once. Of the polls that
// follow each other the first two and the last are taken; with -short none of
// those calls.
func points(calls []engine.Record) []point {
	type operation struct{ service, operation, region string }
	var (
		list  []point
		count = map[operation]int{}
	)
	for i, c := range calls {
		op := operation{c.Service, c.Operation, c.Region}
		count[op]++
		if c.Outcome != engine.OutcomeOK {
			continue // it never reached the service: its region is down
		}
		if testing.Short() && !c.Mutating {
			continue
		}
		same := func(n int) bool {
			return n >= 0 && n < len(calls) && operation{calls[n].Service, calls[n].Operation, calls[n].Region} == op
		}
		if same(i-2) && same(i-1) && same(i+1) {
			continue
		}
		p := point{c.Service, c.Operation, c.Region, count[op], engine.Before, !c.Mutating && count[op] > 1}
		list = append(list, p)
		if c.Mutating {
			p.when = engine.After
			list = append(list, p)
		}
	}
	return list
}

// move is a failover that can be cut.
type move struct {
	// before makes the configuration of peacetime, begin what is to change.
	before, begin func(*rig)
	// check looks at the end from outside.
	check func(*rig)
}

// lost is a failover away from a region that is gone.
var lost = move{
	before: func(*rig) {},
	begin: func(r *rig) {
		r.FailedRegions = []string{scenario.PrimaryRegion} // spares the wait
		r.lose(engine.Down)
	},
	check: (*rig).failedOver,
}

// clean makes the move without a cut, and gives its calls.
func (m move) clean(t *testing.T) []engine.Record {
	t.Helper()
	r := newRig(t)
	m.before(r)
	r.steady()
	m.begin(r)
	r.apply()
	m.check(r)
	t.Logf("calls:\n%s", r.calls())
	return r.s.Engine().Calls()
}

func killProvider(t testing.TB, p *Process) {
	if p.KillProviders() == 0 {
		t.Error("there was no provider to kill")
	}
}

// TestCrashMatrix cuts the failover at every call that it makes: first the
// provider's processes are killed, then, in a second pass, Terraform with them.
// One further apply finishes the work from wherever it was cut: the promotion
// takes effect once, nothing is deleted, nothing is left to do.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	list := points(lost.clean(t))
	t.Logf("cutting at %d points", len(list))

	cuts := []struct {
		name string
		cut  func(testing.TB, *Process)
	}{
		{"provider", killProvider},
		// The lock that a killed Terraform leaves on a local state is the
		// kernel's and ends with it; the file beside the state that tells who
		// held it stays behind and does no harm. For a state in S3 see
		// TestStaleLock.
		{"terraform", func(_ testing.TB, p *Process) { p.Kill() }},
	}
	for _, c := range cuts {
		for _, p := range list {
			t.Run(c.name+"/"+p.String(), func(t *testing.T) {
				t.Parallel()
				lost.crash(t, p, c.cut)
			})
		}
	}
}

func (m move) crash(t *testing.T, p point, cut func(testing.TB, *Process)) {
	r := newRig(t)
	m.before(r)
	r.steady()
	m.begin(r)
	r.cutAt(p, cut)
	r.apply()
	m.check(r)
	r.emptyPlan()
	if t.Failed() {
		t.Logf("calls:\n%s", r.calls())
	}
}

// cutAt applies, and cuts the run at a point.
func (r *rig) cutAt(p point, cut func(testing.TB, *Process)) {
	t := r.t
	t.Helper()
	fault := r.s.Engine().AddFault(engine.Fault{
		Service: p.service, Operation: p.operation, Region: p.region,
		Kind: engine.FaultHold, When: p.when, Skip: p.nth - 1, Times: 1,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run, err := r.w.Start(ctx, "apply", "-input=false", "-no-color", "-auto-approve")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan Result, 1)
	go func() { ended <- run.Wait() }()
	select {
	case <-fault.Held():
		cut(t, run)
		if result := <-ended; result.Code == 0 {
			t.Errorf("the apply that was cut claims success:\n%s", result.Output)
		}
	case result := <-ended:
		if result.Code != 0 {
			t.Fatalf("the apply failed before it came to the call:\n%s", result.Output)
		}
		if !p.poll {
			t.Fatalf("the apply never made the call:\n%s", r.calls())
		}
		t.Log("this run needed fewer polls: nothing to cut")
	}
	// Its client is gone: what was held before its effect never has one.
	fault.Drop()
	fault.Remove()
}
