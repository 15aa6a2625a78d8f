// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const (
	steps     = 7
	primary   = "us-east-1"
	standby   = "us-west-2"
	writeGap  = 50 * time.Millisecond
	warmUp    = 6 * time.Second // rows written before the region is lost
	detection = 3 * time.Second // what a person needs is not simulated; this only shows failing rows
)

// rehearsal is one run of the demo.
type rehearsal struct {
	options
	progress progress
	timeline timeline

	sandbox *sandboxProcess
	project *project
	writer  *writer

	lost     time.Time // the region went down
	planned  time.Time // the failover's plan began
	finished time.Time // the failover's apply ended
	estimate string    // the plan's warning with the estimated loss
	log      *os.File
}

func (r *rehearsal) run(ctx context.Context) (err error) {
	if r.log, err = os.Create(filepath.Join(r.dir, "demo.log")); err != nil {
		return err
	}
	defer r.log.Close()

	r.progress.step("Starting a simulated AWS with two regions; time there runs %g times as fast", r.scale)
	binaries := filepath.Join(r.repo, "bin")
	if r.sandbox, err = startSandbox(ctx, filepath.Join(binaries, "dr-sandbox"), r.dir, r.scale, false); err != nil {
		return err
	}
	defer func() {
		if e := r.sandbox.stop(); e != nil && err == nil {
			err = e
		}
	}()
	for _, d := range r.sandbox.ready.Databases {
		r.progress.say("PostgreSQL %-12s %s  %s:%d", d.Identifier, d.Region, d.Host, d.Port)
	}

	r.progress.step("Putting the steady state in place: `atmos terraform apply %s -s %s`", component, stack)
	if r.project, err = newProject(r.repo, r.dir, filepath.Join(binaries, "terraform-provider-dr"), "0.1.0"); err != nil {
		return err
	}
	r.project.env = append(r.project.env, r.environment()...)
	if err := r.apply(ctx); err != nil {
		return err
	}

	r.progress.step("Writing a row every %s through %s", writeGap, r.applicationURL())
	stopWriting := r.startWriter(ctx)
	defer stopWriting()
	if err := r.warmUp(ctx); err != nil {
		return err
	}

	r.progress.step("Taking %s down", primary)
	if err := r.loseRegion(ctx); err != nil {
		return err
	}

	r.progress.step("Failing over: one line moves, then plan and apply")
	if err := r.failOver(ctx); err != nil {
		return err
	}

	r.progress.step("Checking: service back, rows counted, second plan empty")
	if err := r.awaitService(ctx); err != nil {
		return err
	}
	empty, err := r.secondPlan(ctx)
	if err != nil {
		return err
	}
	stopWriting()

	r.progress.step("What happened")
	return r.report(ctx, empty)
}

// tool returns where a tool's output goes: the log, and the screen where keep
// says so.
func (r *rehearsal) tool(keep func(string) bool) io.Writer {
	return io.MultiWriter(r.log, &indent{w: r.progress.w, keep: keep})
}

func (r *rehearsal) apply(ctx context.Context) error {
	return r.project.must(ctx, r.tool(isResult), "terraform", "apply", component, "-s", stack, "-auto-approve")
}

// isResult keeps the lines of a plan or an apply that tell a person something.
func isResult(line string) bool {
	if strings.Contains(line, "Incomplete lock file") { // a mirror holds one platform
		return false
	}
	for _, word := range []string{"Plan:", "Apply complete", "No changes", "Warning:", "Error:", ": Modifications complete", ": Creation complete", "Still modifying"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

func (r *rehearsal) startWriter(ctx context.Context) (stop func()) {
	r.writer = newWriter(r.applicationURL()+"/orders", writeGap, newResolver(r.sandbox.ready.DNS).lookup)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); r.writer.run(ctx) }()
	return func() { cancel(); <-done }
}

func (r *rehearsal) warmUp(ctx context.Context) error {
	if err := sleep(ctx, warmUp); err != nil {
		return err
	}
	acked, failed, last := r.writer.snapshot()
	if len(acked) == 0 {
		return fmt.Errorf("no row was acknowledged in %s of peacetime; the last failure: %s", warmUp, last)
	}
	r.progress.say("%d rows acknowledged by %s, %d failed", len(acked), acked[len(acked)-1].from, len(failed))
	return nil
}

func (r *rehearsal) loseRegion(ctx context.Context) error {
	args, how := []string{"region", "down", primary}, "connections are refused"
	if r.blackhole {
		args, how = append(args, "--blackhole"), "packets vanish"
	}
	r.lost = time.Now()
	r.timeline.add(r.lost, "%s is lost (%s)", primary, how)
	if _, err := r.sandbox.ctl(ctx, args...); err != nil {
		return err
	}
	if r.by == healthCheck {
		args[2] = engine.GlobalRegion
		if _, err := r.sandbox.ctl(ctx, args...); err != nil {
			return err
		}
		r.progress.say("so is the API of Route 53; its name servers and health checkers go on")
	}
	if err := sleep(ctx, detection); err != nil {
		return err
	}
	_, failed, last := r.writer.snapshot()
	if len(failed) == 0 {
		return errors.New("the region is down and no row failed: the rehearsal proves nothing")
	}
	r.progress.say("rows fail: %s", last)
	return nil
}

func (r *rehearsal) failOver(ctx context.Context) error {
	diff, err := r.project.activate(stackFile, standby)
	if err != nil {
		return err
	}
	r.progress.say("%s:", stackFile)
	for line := range strings.SplitSeq(diff, "\n") {
		r.progress.say("  %s", line)
	}
	r.planned = time.Now()
	r.timeline.add(r.planned, "the diff is merged; the plan begins")
	plan := filepath.Join(r.dir, "failover.planfile")
	var out bytes.Buffer
	if err := r.project.must(ctx, io.MultiWriter(r.tool(isResult), &out), "terraform", "plan", component, "-s", stack, "-out="+plan); err != nil {
		return err
	}
	r.timeline.add(time.Now(), "the plan is ready to be read")
	r.estimate = estimated(out.String())
	if err := r.project.must(ctx, r.tool(isResult), "terraform", "apply", component, "-s", stack, "--planfile", plan); err != nil {
		return err
	}
	r.finished = time.Now()
	r.timeline.add(r.finished, "the apply is complete")
	return nil
}

// awaitService waits for the first row that the standby region acknowledges.
func (r *rehearsal) awaitService(ctx context.Context) error {
	deadline := time.Now().Add(time.Minute)
	for {
		acked, failed, last := r.writer.snapshot()
		if _, _, ok := outage(acked, failed, r.lost, standby); ok {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the apply is complete, yet no row was acknowledged by %s within a minute; the last failure: %s", standby, last)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// secondPlan says whether a plan after the failover is empty.
func (r *rehearsal) secondPlan(ctx context.Context) (bool, error) {
	code, err := r.project.run(ctx, r.tool(isResult), "terraform", "plan", component, "-s", stack, "-detailed-exitcode")
	switch {
	case err != nil:
		return false, err
	case code == 0:
		return true, nil
	case code == 2:
		return false, nil
	}
	return false, fmt.Errorf("the second plan failed with exit code %d", code)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
