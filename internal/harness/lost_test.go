// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// TestLostState loses the state file after the failover: everything is adopted
// as it is.
func TestLostState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.lose(engine.Down)
	r.apply()
	changes := r.effects("route53", "ChangeResourceRecordSets")

	if err := os.Remove(r.w.StateFile()); err != nil {
		t.Fatal(err)
	}
	r.s.Engine().ResetCalls()
	r.apply()
	r.failedOver()
	for _, c := range r.s.Engine().Calls() {
		if c.Operation == "PromoteReadReplica" {
			t.Errorf("call %d asks for a promotion again (%s)", c.N, c.Outcome)
		}
	}
	// A record may be written again with the values that it has, to learn that
	// the change is in sync; that answers nothing new to anybody.
	if again := r.effects("route53", "ChangeResourceRecordSets"); again > changes {
		t.Errorf("%d changes of records to adopt what took %d", again, changes)
	}
	r.emptyPlan()
}

// TestOrphanFinishes kills Terraform alone while the promotion is asked for, and
// lets the provider that it leaves behind live on beside the next apply.
func TestOrphanFinishes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady()
	r.lose(engine.Down)
	r.orphan("PromoteReadReplica", 0)
	r.apply()
	r.failedOver()
	r.emptyPlan()
}

// orphan kills Terraform alone while RDS is asked for an operation (after so many
// calls of it), and lets the provider that it leaves behind go on.
func (r *rig) orphan(operation string, skip int) {
	r.t.Helper()
	fault := r.s.Engine().AddFault(engine.Fault{Service: "rds", Operation: operation, Kind: engine.FaultHold, Skip: skip, Times: 1})
	run, err := r.w.Start(r.t.Context(), "apply", "-input=false", "-no-color", "-auto-approve")
	if err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-fault.Held():
	case <-time.After(time.Minute):
		run.Kill()
		r.t.Fatalf("%s was not asked for:\n%s", operation, run.Wait().Output)
	}
	orphans := run.Orphan()
	r.t.Cleanup(func() {
		for _, pid := range orphans {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	fault.Remove()
}

var lockID = regexp.MustCompile(`(?m)^\W*ID:\s+(\S+)$`)

// backend keeps the state where a DR stack's belongs: in the recovery region.
const backend = `
terraform {
  backend "s3" {
    bucket         = "` + scenario.StateBucket + `"
    key            = "orders/dr.tfstate"
    region         = "us-west-2"
    use_lockfile   = true
    use_path_style = true
  }
}
`

// TestStaleLock finds the lock of a runner that died with the region: it says
// who holds it, can be broken by its id, and the apply that was cut finishes.
func TestStaleLock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.steady() // a local state, which init copies to the bucket
	if err := r.w.Write("backend.tf", backend); err != nil {
		t.Fatal(err)
	}
	if init := r.w.Init(t.Context(), "-migrate-state", "-force-copy"); init.Code != 0 {
		t.Fatalf("init:\n%s", init.Output)
	}
	if err := os.Remove(r.w.StateFile()); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	r.lose(engine.Down)
	fault := r.s.Engine().AddFault(engine.Fault{Service: "rds", Operation: "PromoteReadReplica", Kind: engine.FaultHold, When: engine.After, Times: 1})
	run, err := r.w.Start(t.Context(), "apply", "-input=false", "-no-color", "-auto-approve")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-fault.Held():
		run.Kill()
		run.Wait()
	case <-time.After(time.Minute):
		run.Kill()
		t.Fatalf("no promotion was asked for:\n%s", run.Wait().Output)
	}
	fault.Drop()
	fault.Remove()

	blocked := r.w.Apply(t.Context())
	who := lockID.FindStringSubmatch(blocked.Output)
	if blocked.Code == 0 || who == nil || !strings.Contains(blocked.Output, "Who:") {
		t.Fatalf("the lock of a dead runner does not show (%d):\n%s", blocked.Code, blocked.Output)
	}
	if unlock := r.w.Run(t.Context(), "force-unlock", "-force", who[1]); unlock.Code != 0 {
		t.Fatalf("force-unlock:\n%s", unlock.Output)
	}
	r.apply()
	r.promotedOnce()
	if got, want := r.answer(), r.Addresses[scenario.StandbyRegion]; got != want {
		t.Errorf("%s is %s, want %s", scenario.RecordName, got, want)
	}
	r.emptyPlan()
}
