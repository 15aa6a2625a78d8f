// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

const (
	// promoteTimeout bounds one attempt at the irreversible call. It is long:
	// an answer that is not waited for is an answer lost.
	promoteTimeout = 30 * time.Second
	// tagTimeout bounds what is best-effort.
	tagTimeout = 3 * time.Second
	// patience, in poll intervals: how long RDS may answer that an available
	// replica is not in a state to be promoted.
	patience = 120
)

// Outcome is what an Ensure found or did.
type Outcome struct {
	// Instance as last seen. Its Identifier is "" if the region could not be
	// asked, which is no error when no promotion is wanted.
	Instance Instance
	// Promoted says that what was a replica was seen to be a writer, at
	// PromotedAt.
	Promoted   bool
	PromotedAt time.Time
	// Source that the instance replicated when it was last seen as a replica in
	// this run, or "".
	Source string
	// Loss estimated just before the call, if LossKnown.
	Loss      time.Duration
	LossKnown bool
	Warnings  []Warning
}

// Ensure makes the instance what the spec wants, from whatever state an earlier
// run left it in. It calls PromoteReadReplica at most once with effect, and for
// a writer not at all. Errors are *Error, or several of them joined.
func (s *Service) Ensure(ctx context.Context, spec Spec) (Outcome, error) {
	i, err := s.Find(ctx, spec.Identifier)
	switch {
	case err != nil && mayStayUnknown(spec, err):
		return Outcome{Warnings: []Warning{unread(spec, s.region, err)}}, nil
	case err != nil:
		return Outcome{}, err
	case !spec.Promoted, spec.Settled && !i.IsReplica():
		return Outcome{Instance: i}, nil
	case !i.IsReplica():
		if err := s.ambiguous(ctx, spec, i); err != nil {
			return Outcome{}, err
		}
	}
	spec.FencesUnknown = false // what is not known by now holds nobody off
	r := &run{Service: s, spec: spec, id: i.Identifier}
	for {
		if i, err = r.settle(ctx, i); err != nil {
			return r.out, s.failed(KindRead, r.done(), r.id, r.attempted(), err)
		}
		if !i.IsReplica() {
			break
		}
		if err := r.promote(ctx, i); err != nil {
			return r.out, s.failed(KindRefused, r.done(), r.id, r.attempted(), err)
		}
		i = Instance{Identifier: i.Identifier}
	}
	r.out.Instance = i
	if r.sawReplica || spec.isEvident(i) {
		r.out.Promoted, r.out.PromotedAt = true, time.Now().UTC().Truncate(time.Second)
		s.log(ctx, r.id, "the replica is promoted", map[string]any{"status": i.Status})
	}
	return r.out, nil
}

// mayStayUnknown says that an instance of which no promotion is wanted, or whose
// promotion was settled by an earlier run, may stay unread: a writer in a region
// that is lost, or half lost, or that somebody has deleted, must not hold up the
// recovery in another.
func mayStayUnknown(spec Spec, err error) bool {
	switch {
	case awsclient.IsExpiredToken(err), awsclient.IsCredentials(err):
		return false
	case spec.Creating:
		return !spec.Promoted && awsclient.IsUnreachable(err)
	case spec.Settled:
		return IsKind(err, KindRead)
	}
	return !spec.Promoted && (IsKind(err, KindRead) || IsKind(err, KindNotFound))
}

// unread warns of an instance that stays so.
func unread(spec Spec, region string, err error) Warning {
	why := "No promotion of it is wanted, so nothing depends on it."
	if spec.Settled {
		why = "An earlier apply saw it as the writer that is wanted, and nothing is asked of it now."
	}
	if IsKind(err, KindNotFound) {
		return Warning{
			Summary: fmt.Sprintf("%s: does not exist in %s", spec.Identifier, region),
			Detail:  why + "\n\nNext: build a replica of the present writer under this identifier, or take it out of the configuration.",
		}
	}
	return Warning{
		Summary: fmt.Sprintf("%s: could not be read in %s, its status is unknown", spec.Identifier, region),
		Detail:  awsclient.Explain(unwrapped(err)) + "\n\n" + why,
	}
}

// run is one Ensure of a promotion.
type run struct {
	*Service
	spec Spec
	id   string
	out  Outcome

	sawReplica bool      // seen as a replica in this run
	begun      time.Time // the first look of a planned promotion without a fence
	tagged     bool
	called     bool // PromoteReadReplica may have taken effect
	accepted   bool // … and has
	calls      int
	refusedAt  time.Time // first of an unbroken row of InvalidDBInstanceState
	lastStatus string
}

// done tells what was already done when something failed.
func (r *run) done() string {
	switch {
	case r.accepted:
		return "RDS has accepted the promotion, which goes on by itself and cannot be undone. Terraform's state still says that it is not finished."
	case r.called:
		return "RDS was asked for the promotion and the answer was lost: it may be going on."
	case r.tagged:
		return "The replica was tagged " + PromotedFromTag + "; nothing else was changed."
	default:
		return ""
	}
}

func (r *run) attempted() string {
	if r.accepted || r.called {
		return "wait for the promotion of"
	}
	return "promote the replica"
}

// settle waits until the instance is a writer for good, or a replica that can
// be promoted. seen is what was just observed; its zero value (but for the
// identifier) is no observation.
func (r *run) settle(ctx context.Context, seen Instance) (Instance, error) {
	writers := 0 // observations in a row of a writer that is ready
	var last Instance
	look := func(i Instance, found bool) (bool, error) {
		if !found {
			return false, r.notFound(r.id)
		}
		last = i
		if statusText(i, true) != r.lastStatus {
			r.lastStatus = statusText(i, true)
			r.log(ctx, r.id, "observed", map[string]any{"status": i.Status, "source": i.Source})
		}
		if i.IsReplica() {
			writers = 0
			return r.lookAtReplica(i)
		}
		ready, err := r.lookAtWriter(i)
		if !ready || err != nil {
			writers = 0
			return false, err
		}
		writers++
		// Twice: just after a promotion the first look may be premature.
		return writers >= 2, nil
	}
	if seen.Status != "" {
		if ok, err := look(seen, true); ok || err != nil {
			return last, err
		}
	}
	err := r.waits.Await(ctx, r.id, look)
	if err != nil && ctx.Err() != nil {
		err = r.timedOut(err)
	}
	return last, err
}

// lookAtReplica says whether the replica can be promoted now.
func (r *run) lookAtReplica(i Instance) (bool, error) {
	if err := unready(i); err != nil {
		return false, err
	}
	r.sawReplica, r.out.Source = true, i.Source
	if r.accepted {
		return false, nil // available just after the call, or on its way
	}
	if !ready(i.Status) {
		r.refusedAt = time.Time{} // whatever is going on may be the promotion
		return false, nil
	}
	return true, nil
}

// lookAtWriter says whether the writer is what is wanted.
func (r *run) lookAtWriter(i Instance) (bool, error) {
	if broken(i.Status) {
		return false, &Error{
			Kind: KindNotReady, Field: FieldIdentifier, Attempted: "use the writer", ID: r.id, Region: r.region,
			Reason: fmt.Sprintf("It is a writer, but its status is %q, which does not mend itself.", i.Status),
			Next:   "Mend the instance in RDS, then apply again.",
		}
	}
	if r.sawReplica {
		return ready(i.Status), nil
	}
	if !adoptable(i, r.spec) {
		return false, standaloneWriter(i, r.spec)
	}
	if r.spec.isEvident(i) {
		return ready(i.Status), nil // a killed run's promotion may not be over
	}
	return serving(i.Status), nil
}

// promote passes the gates and makes the call. It returns nil whenever the call
// may have taken effect, or may take effect later: look again.
func (r *run) promote(ctx context.Context, i Instance) error {
	// After a lost answer the promotion may be going on: that is no time to
	// have second thoughts.
	if !r.called {
		if err := r.pass(ctx, i); err != nil {
			return err
		}
	}
	if r.calls == 0 {
		r.tag(ctx, i)
	} else if err := wait.Pause(ctx, min(r.options.PollInterval<<min(r.calls-1, 4), 10*r.options.PollInterval)); err != nil {
		return r.timedOut(err)
	}
	// An interrupted apply must not make the call.
	if err := ctx.Err(); err != nil {
		return r.timedOut(err)
	}
	in := &awsrds.PromoteReadReplicaInput{
		DBInstanceIdentifier:  &r.id,
		BackupRetentionPeriod: aws.Int32(retention(r.spec, i)),
	}
	switch {
	case r.spec.PreferredBackupWindow != "":
		in.PreferredBackupWindow = &r.spec.PreferredBackupWindow
	case i.BackupWindow != "":
		in.PreferredBackupWindow = &i.BackupWindow
	}
	r.log(ctx, r.id, "promoting the replica", map[string]any{
		"estimated_loss_seconds": r.out.Loss.Seconds(), "estimated_loss_known": r.out.LossKnown, "backup_retention_period": *in.BackupRetentionPeriod,
	})
	r.calls++
	callCtx := awsclient.WithAttemptTimeout(awsclient.Essential(ctx), promoteTimeout)
	_, err := r.client.PromoteReadReplica(callCtx, in, func(o *awsrds.Options) {
		o.Retryer = awsclient.RetryThrottlingOnly(o.Retryer)
	})
	return r.answered(ctx, err)
}

// answered decides what the answer to the call means.
func (r *run) answered(ctx context.Context, err error) error {
	if err == nil {
		r.called, r.accepted = true, true
		r.log(ctx, r.id, "RDS has accepted the promotion", nil)
		return nil
	}
	r.log(ctx, r.id, "RDS has not accepted the promotion", map[string]any{"error": awsclient.Explain(err)})
	_, state := errors.AsType[*types.InvalidDBInstanceStateFault](err)
	switch {
	case state:
		// It may be an earlier run's promotion, or a backup, that has just
		// begun; looking again tells.
		if r.refusedAt.IsZero() {
			r.refusedAt = time.Now()
		}
		if time.Since(r.refusedAt) < patience*r.options.PollInterval {
			return nil
		}
		return &Error{
			Kind: KindRefused, Field: FieldIdentifier, Attempted: "promote the replica", ID: r.id, Region: r.region, Err: err,
			Reason: fmt.Sprintf("RDS has been refusing for %s, although the replica is available.", time.Since(r.refusedAt).Round(time.Second)),
			Next:   "See the instance's events in RDS for what holds it, then apply again.",
		}
	case ctx.Err() != nil:
		r.called = r.called || awsclient.IsUnanswered(err)
		return r.timedOut(err)
	case awsclient.IsUnanswered(err):
		r.called, r.refusedAt = true, time.Time{}
		return nil
	case awsclient.IsThrottled(err):
		return nil
	}
	return &Error{
		Kind: KindRefused, Attempted: "promote the replica", ID: r.id, Region: r.region, Err: err,
		Reason: "RDS refused.", Next: nextAfter(err),
	}
}

func nextAfter(err error) string {
	if advice := awsclient.Advice(err); advice != "" {
		return advice
	}
	return "Mend what RDS says above, then apply again."
}

// timedOut explains the end of the context, with the timeout to raise.
func (r *run) timedOut(err error) error {
	name := "timeouts.update"
	if r.spec.Creating {
		name = "timeouts.create"
	}
	e, _ := errors.AsType[*Error](r.failed(KindTimeout, r.done(), r.id, r.attempted(), err))
	e.Next = "Apply again: it goes on from where this run ended. Raise " + name + " if RDS needs longer."
	return e
}

// tag leaves evidence of the promotion with the instance, best-effort.
func (r *run) tag(ctx context.Context, i Instance) {
	if i.PromotedFrom == i.Source || i.ARN == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tagTimeout)
	defer cancel()
	_, err := r.client.AddTagsToResource(ctx, &awsrds.AddTagsToResourceInput{
		ResourceName: &i.ARN,
		Tags:         []types.Tag{{Key: aws.String(PromotedFromTag), Value: &i.Source}},
	})
	r.tagged = err == nil
	if err != nil {
		r.out.Warnings = append(r.out.Warnings, Warning{
			Summary: fmt.Sprintf("%s: could not be tagged %s", r.id, PromotedFromTag),
			Detail: awsclient.Explain(err) + "\n\nThe promotion went on without. The tag only matters if Terraform's state is lost; " +
				"the permission is rds:AddTagsToResource.",
		})
	}
}
