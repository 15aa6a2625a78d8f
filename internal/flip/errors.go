// SPDX-License-Identifier: MPL-2.0

package flip

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
	// KindTrigger: the call that throws the switch did not succeed.
	KindTrigger Kind = "trigger"
	// KindBucket: the object would not be readable to health checkers.
	KindBucket Kind = "bucket"
	// KindAlarm: the alarm could not be made, or seen.
	KindAlarm Kind = "alarm"
	// KindCheck: the health check could not be made, or seen.
	KindCheck Kind = "health check"
	// KindDNS: no name server could be asked.
	KindDNS Kind = "DNS"
	// KindTimeout: the context ended.
	KindTimeout Kind = "timeout"
)

// FieldTrigger is the Spec's trigger, for Error.Field.
const FieldTrigger = "trigger"

// Error is an error of this package; those about the records are route53's.
type Error struct {
	Kind Kind
	// Field of the Spec that is at fault, or "".
	Field string
	// Attempted, in the infinitive with a preposition: "throw the switch of".
	Attempted string
	// Name of the record, and the Region that was called, "" for Route 53.
	Name, Region string
	// Reason in a sentence or two; Err has the server's words.
	Reason string
	Err    error
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

// Detail is the whole story for a person.
func (e *Error) Detail() string { return e.story().Detail() }

func (e *Error) story() story.Story {
	where := ""
	if e.Region != "" {
		where = " in " + e.Region
	}
	s := story.Story{Attempted: fmt.Sprintf("%s %s%s", e.Attempted, e.Name, where), Reason: e.Reason, Done: e.Done, Next: e.Next}
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
func failed(kind Kind, spec Spec, region, attempted, done string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Kind: kind, Attempted: attempted, Name: spec.Key().String(), Region: region, Done: done, Err: err, Next: awsclient.Advice(err)}
	if e.Next == "" {
		e.Next = "Apply again when the cause is mended: it goes on from here."
	}
	// A region's spent budget ends its calls by cancelling them.
	if !awsclient.IsUnreachable(err) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		e.Kind, e.Next = KindTimeout, "Apply again: it goes on from here. Raise timeouts if it only takes longer."
	}
	if timeout, ok := errors.AsType[*wait.TimeoutError](err); ok {
		e.Err = timeout.LastErr
		e.Reason = "The wait " + (&wait.TimeoutError{Last: timeout.Last, Spent: timeout.Spent, Cause: timeout.Cause}).Error() + "."
	}
	return e
}
