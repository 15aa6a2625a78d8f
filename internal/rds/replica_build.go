// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// ReplicaOutcome is what an EnsureReplica found or did.
type ReplicaOutcome struct {
	Instance Instance
	Standing Standing
	// RetiredAs is the identifier under which the youngest instance that held
	// this one is kept, "" for none.
	RetiredAs string
	Warnings  []Warning
}

// EnsureReplica makes the identifier's holder a replica of the source that
// replicates, from whatever state an earlier run left it in:
//
//	old writer ─ fence ─ tag (the name it gets) ─ rename ─▶ free ─ create ─▶ replica ─ wait ─▶ replicating
//
// Each step is one call (the fence has steps of its own), and is decided by a fresh look at what holds the
// identifier, never by memory: a run that was cut anywhere is gone on with. The
// tag is on record before the rename; the identifier is the creation's token,
// since RDS creates no second instance under it. A rename that is made twice
// finds its instance gone, or the new one still being created, which RDS does
// not rename. Nothing is ever deleted. Errors are *Error, or several joined.
func (s *Service) EnsureReplica(ctx context.Context, spec ReplicaSpec) (ReplicaOutcome, error) {
	spec.Identifier = strings.ToLower(spec.Identifier)
	spec.FencesUnknown = false // what is not known by now holds nobody off
	r := &building{Service: s, spec: spec}
	if err := spec.check(s.region); err != nil {
		return r.out, err
	}
	for {
		v, err := s.look(ctx, spec)
		if err == nil {
			r.out.Instance, r.out.Standing = v.holder, v.standing
			err = r.step(ctx, v)
		}
		if err != nil {
			return r.out, r.failed(err)
		}
		if r.done {
			return r.out, nil
		}
	}
}

// building is one EnsureReplica.
type building struct {
	*Service
	spec ReplicaSpec
	out  ReplicaOutcome
	done bool

	changed   string    // what was done, for errors
	calls     int       // of the kind that is made now, without an effect that was seen
	refusedAt time.Time // first of an unbroken row of refusals that may pass
}

// step does the next thing, and no more.
func (r *building) step(ctx context.Context, v view) error {
	switch v.standing {
	case StandingReplica:
		return r.settle(ctx)
	case StandingPromoted:
		return r.finish(ctx)
	case StandingForeign:
		return r.foreign(v)
	}
	if v.standing == StandingOldWriter && (v.holder.Status == "renaming" || v.holder.Settings.PendingIdentifier != "") {
		return r.awaitGone(ctx, v.holder) // an earlier run's rename
	}
	a, err := r.assessReplica(ctx, r.spec, v)
	if err == nil {
		err = a.Err()
	}
	switch {
	case err != nil:
		return err
	case v.standing == StandingOldWriter && len(r.spec.FenceGroups) > 0 && a.fence != FenceFenced:
		return r.fence(ctx)
	case v.standing == StandingOldWriter:
		return r.retire(ctx, v.holder)
	case !ready(v.source.Status):
		return r.awaitSource(ctx, v.source)
	}
	return r.create(ctx, a.input)
}

// finish looks up what was retired from the identifier, for the record.
func (r *building) finish(ctx context.Context) error {
	retired, err := r.lastRetired(ctx, r.spec.Identifier)
	if err != nil {
		return err
	}
	if r.done = true; retired != nil {
		r.out.RetiredAs = retired.Instance.Identifier
	}
	return nil
}

// create asks for the replica.
func (r *building) create(ctx context.Context, in *awsrds.CreateDBInstanceReadReplicaInput) error {
	if err := r.pauseBefore(ctx); err != nil {
		return err
	}
	r.log(ctx, r.spec.Identifier, "creating the replica", map[string]any{"source": r.spec.Source})
	_, err := r.client.CreateDBInstanceReadReplica(r.once(ctx), in, throttlingOnly)
	if err == nil {
		r.progress()
		r.changed = "RDS builds the replica, which goes on by itself; the next apply adopts it."
		return nil
	}
	return r.answered(ctx, "create the replica", err)
}

// awaitSource waits until the source can be copied: RDS wants it available.
func (r *building) awaitSource(ctx context.Context, source Instance) error {
	err := r.peer(source.Region).waits.Await(ctx, source.Identifier, func(i Instance, found bool) (bool, error) {
		return !found || ready(i.Status) || broken(i.Status), nil
	})
	return r.timedOut(ctx, "wait for the source "+source.ARN+" of", err)
}

// settle waits until the replica replicates, and gives it what RDS's creation
// does not take.
func (r *building) settle(ctx context.Context) error {
	var i Instance
	err := r.await(ctx, "wait for the replica", func(seen Instance, found bool) (bool, error) {
		i = seen
		switch {
		case !found:
			return false, r.notFound(r.spec.Identifier)
		case seen.Source != r.spec.Source:
			return true, nil
		case !seen.Replicating():
			return false, &Error{
				Kind: KindNotReady, Field: FieldIdentifier, Attempted: "wait for the replica", ID: r.spec.Identifier, Region: r.region,
				Reason: fmt.Sprintf("Its status is %q and its replication is %q, which does not mend itself.", seen.Status, seen.ReplicationState()),
				Next:   "Mend it in RDS; if it cannot be, delete this replica yourself, then apply again to have a new one built.",
			}
		}
		return ready(seen.Status) && seen.ReplicationState() == "replicating", nil
	})
	if err != nil || i.Source != r.spec.Source {
		return err
	}
	r.out.Instance = i
	in := r.adjustment(i)
	if in == nil {
		return r.finish(ctx)
	}
	if i.Settings.Pending {
		r.out.Warnings = append(r.out.Warnings, Warning{
			Summary: i.Identifier + ": has pending modifications, its deletion protection and backups are left as they are",
			Detail:  "Changing them at once would apply the pending ones too. Have those applied, then apply again.",
		})
		return r.finish(ctx)
	}
	if err := r.pauseBefore(ctx); err != nil {
		return err
	}
	if _, err = r.client.ModifyDBInstance(awsclient.Essential(ctx), in, throttlingOnly); err == nil {
		r.changed = "The replica is there, and is being given its deletion protection and backups."
		return r.await(ctx, "wait for the replica's settings", func(seen Instance, found bool) (bool, error) {
			return !found || seen.ResourceID != i.ResourceID || ready(seen.Status) && r.adjustment(seen) == nil || broken(seen.Status), nil
		})
	}
	return r.answered(ctx, "set the backups of the replica", err)
}

// adjustment is what is to be changed of a replica that is there; nil for
// nothing. A replica has no backups of its own unless it is told to, and some
// are adopted without their protection.
func (r *building) adjustment(i Instance) *awsrds.ModifyDBInstanceInput {
	in := &awsrds.ModifyDBInstanceInput{DBInstanceIdentifier: &i.Identifier, ApplyImmediately: aws.Bool(true)}
	needed := false
	if want := r.spec.DeletionProtection; want != nil && *want && !i.Settings.DeletionProtection {
		in.DeletionProtection, needed = want, true
	}
	if want := r.spec.BackupRetentionPeriod; want != nil && *want != i.BackupRetention {
		in.BackupRetentionPeriod, needed = want, true
	}
	if !needed {
		return nil
	}
	return in
}

func throttlingOnly(o *awsrds.Options) { o.Retryer = awsclient.RetryThrottlingOnly(o.Retryer) }

// once is the context of a call that may not be repeated blindly.
func (r *building) once(ctx context.Context) context.Context {
	return awsclient.WithAttemptTimeout(awsclient.Essential(ctx), promoteTimeout)
}

// progress forgets refusals: something moved.
func (r *building) progress() { r.calls, r.refusedAt = 0, time.Time{} }

// pauseBefore keeps a call that had no effect so far from being hammered, and
// keeps an interrupted apply from making it.
func (r *building) pauseBefore(ctx context.Context) error {
	if r.calls > 0 {
		if err := wait.Pause(ctx, min(r.options.PollInterval<<min(r.calls-1, 4), 10*r.options.PollInterval)); err != nil {
			return err
		}
	}
	r.calls++
	return ctx.Err()
}

// answered decides what the answer to a call that changes something means: nil
// for "look again".
func (r *building) answered(ctx context.Context, attempted string, err error) error {
	r.log(ctx, r.spec.Identifier, "RDS has not accepted the call", map[string]any{"attempted": attempted, "error": awsclient.Explain(err)})
	_, state := errors.AsType[*types.InvalidDBInstanceStateFault](err)
	_, gone := errors.AsType[*types.DBInstanceNotFoundFault](err)
	_, taken := errors.AsType[*types.DBInstanceAlreadyExistsFault](err)
	switch {
	case ctx.Err() != nil:
		return err
	case state || gone || taken:
		// A backup that has begun, somebody else's or an earlier run's call:
		// looking tells.
		if r.refusedAt.IsZero() {
			r.refusedAt = time.Now()
		}
		if time.Since(r.refusedAt) < patience*r.options.PollInterval {
			return nil
		}
	case awsclient.IsUnanswered(err):
		r.changed = "RDS was asked to " + attempted + " and the answer was lost: it may be going on."
		return nil
	case awsclient.IsThrottled(err):
		return nil
	}
	return r.refused(ctx, attempted, err)
}

// refused explains an answer that will not change by itself.
func (r *building) refused(ctx context.Context, attempted string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &Error{
		Kind: KindRefused, Field: fieldOf(err), Attempted: attempted, ID: r.spec.Identifier, Region: r.region, Err: err,
		Reason: "RDS refused.", Done: r.changed, Next: nextAfter(err),
	}
}

// fieldOf is the field that an answer of RDS is about, "" if it does not say.
func fieldOf(err error) string {
	code := awsclient.Code(err)
	for field, codes := range map[string][]string{
		FieldKMSKey:         {"KMSKeyNotAccessibleFault"},
		FieldSubnetGroup:    {"DBSubnetGroupNotFoundFault", "DBSubnetGroupDoesNotCoverEnoughAZs", "DBSubnetGroupNotAllowedFault"},
		FieldParameterGroup: {"DBParameterGroupNotFound"},
		FieldClass:          {"InsufficientDBInstanceCapacity"},
		FieldSource:         {"DBInstanceNotFound"},
	} {
		if slices.Contains(codes, code) {
			return field
		}
	}
	return ""
}

// await waits for something of the identifier's holder.
func (r *building) await(ctx context.Context, attempted string, look func(Instance, bool) (bool, error)) error {
	return r.timedOut(ctx, attempted, r.waits.Await(ctx, r.spec.Identifier, look))
}

// timedOut explains the end of the context during a wait.
func (r *building) timedOut(ctx context.Context, attempted string, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return r.Service.failed(KindTimeout, r.changed, r.spec.Identifier, attempted, err)
}

// failed completes an error with what was done and which timeout to raise.
func (r *building) failed(err error) error {
	err = r.Service.failed(KindRead, r.changed, r.spec.Identifier, "build the replica", err)
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == KindTimeout {
		name := "timeouts.update"
		if r.spec.Creating {
			name = "timeouts.create"
		}
		e.Next = "Apply again: it goes on from where this run ended. Raise " + name + " if RDS needs longer."
	}
	return err
}
