// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/story"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// Kind tells errors apart.
type Kind string

// The kinds of errors.
const (
	// KindRead: RDS could not be asked (denied, unreachable, throttled …).
	KindRead Kind = "read"
	// KindNotFound: no such instance in the region.
	KindNotFound Kind = "not found"
	// KindUnsupported: PromoteReadReplica is not for this kind of instance.
	KindUnsupported Kind = "unsupported"
	// KindNotReady: the instance is being created, or in a status that does
	// not mend itself.
	KindNotReady Kind = "not ready"
	// KindStandaloneWriter: a writer that nothing shows to be a promoted
	// replica.
	KindStandaloneWriter Kind = "standalone writer"
	// KindHealthySource: the source answers, or may well be up.
	KindHealthySource Kind = "healthy source"
	// KindUnfencedSource: a planned promotion without a fence.
	KindUnfencedSource Kind = "unfenced source"
	// KindNoSource: a planned promotion away from a source that is gone.
	KindNoSource Kind = "no source"
	// KindUnknownLoss, KindLossLimit, KindNoLossLimit: see Gates.
	KindUnknownLoss Kind = "unknown loss"
	KindLossLimit   Kind = "loss limit"
	KindNoLossLimit Kind = "no loss limit"
	// KindBackup: the backup retention cannot be what it would be.
	KindBackup Kind = "backup"
	// KindReplica: a replica cannot be fenced.
	KindReplica Kind = "replica"
	// KindFenceGroups: the security groups of a fence are not fit for one.
	KindFenceGroups Kind = "fence groups"
	// KindFenceRecord: what a fence would have to put back is not known.
	KindFenceRecord Kind = "fence record"
	// KindRefused: RDS refused what was asked of it.
	KindRefused Kind = "refused"
	// KindTimeout: the context ended.
	KindTimeout Kind = "timeout"
)

// The domain's names of a Spec's fields, for Error.Field.
const (
	FieldIdentifier      = "db_instance_identifier"
	FieldMode            = "mode"
	FieldMaxLoss         = "max_estimated_loss"
	FieldSourceLostAt    = "source_lost_at"
	FieldAccept          = "accept"
	FieldBackupRetention = "backup_retention_period"
	FieldFences          = "fences"
	FieldFenceGroups     = "fence_security_group_ids"
)

// Error is every error of this package.
type Error struct {
	Kind Kind
	// Field of the Spec that is at fault, or "".
	Field string
	// Attempted, in the infinitive: "promote the replica".
	Attempted string
	// ID and Region of the instance.
	ID, Region string
	// Reason in a sentence or two; Err has the server's words.
	Reason string
	// Err is the cause, if there is one.
	Err error
	// Done is what was already done, "" for nothing changed.
	Done string
	// Next is the next step.
	Next string
}

// Error implements error.
func (e *Error) Error() string { return e.story().Line() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Attribute is the field that is at fault.
func (e *Error) Attribute() string { return e.Field }

// Detail is the whole story for a person: what was attempted, why not, what was
// done before, what to do now.
func (e *Error) Detail() string { return e.story().Detail() }

func (e *Error) story() story.Story {
	s := story.Story{Attempted: fmt.Sprintf("%s %s in %s", e.Attempted, e.ID, e.Region), Reason: e.Reason, Done: e.Done, Next: e.Next}
	if e.Err != nil {
		s.Cause = awsclient.Explain(e.Err)
	}
	return s
}

// IsKind says whether an error of this package is of a kind.
func IsKind(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}

// failed maps what a call or a wait ended with to an *Error.
func (s *Service) failed(kind Kind, done, id, attempted string, err error) error {
	if _, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // refusals, joined
		return err
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Done == "" {
			e.Done = done
		}
		return e
	}
	e := &Error{Kind: kind, Attempted: attempted, ID: id, Region: s.region, Done: done, Err: err, Next: awsclient.Advice(err)}
	// A region's last attempt ended by a time-out too: that is not the caller's.
	if !awsclient.IsUnreachable(err) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		e.Kind = KindTimeout
	}
	if timeout, ok := errors.AsType[*wait.TimeoutError](err); ok {
		e.Kind, e.Err = KindTimeout, timeout.LastErr
		e.Reason = "The wait " + (&wait.TimeoutError{Last: timeout.Last, Spent: timeout.Spent, Cause: timeout.Cause}).Error() + "."
	}
	return e
}

func (s *Service) notFound(id string) *Error {
	return &Error{
		Kind: KindNotFound, Field: FieldIdentifier, Attempted: "read the instance", ID: id, Region: s.region,
		Reason: fmt.Sprintf("%s has no DB instance %q in this account.", s.region, id),
		Next:   "Correct db_instance_identifier, region or the provider's credentials (the account).",
	}
}
