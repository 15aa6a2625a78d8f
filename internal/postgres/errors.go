// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/story"
)

// Kind tells errors apart.
type Kind string

// The kinds of errors.
const (
	// KindCredentials: there is no user and password to be had.
	KindCredentials Kind = "credentials"
	// KindUnreachable: the server, or the region of its secret, gave no answer.
	KindUnreachable Kind = "unreachable"
	// KindTLS: the server's certificate is not trusted, or it has none.
	KindTLS Kind = "tls"
	// KindRefused: the server answered, and refused.
	KindRefused Kind = "refused"
	// KindNoRole: a role does not exist.
	KindNoRole Kind = "no role"
	// KindProtected: a role is not to be fenced: a superuser, the fence's own.
	KindProtected Kind = "protected"
	// KindReplica: the instance is in recovery.
	KindReplica Kind = "replica"
	// KindPrivilege: the fence's role lacks a privilege.
	KindPrivilege Kind = "privilege"
	// KindTimeout: the context ended.
	KindTimeout Kind = "timeout"
)

// The names of a spec's fields, for Error.Field.
const (
	FieldRoles     = "roles"
	FieldHost      = "host"
	FieldDatabase  = "database"
	FieldSecretARN = "secret_arn"
	FieldIAM       = "iam_authentication"
	FieldCA        = "ca_certificate_pem"
)

// Error is every error of this package. It never holds a password.
type Error struct {
	Kind Kind
	// Field of the spec that is at fault, or "".
	Field string
	// Attempted, in the infinitive: "fence the writers of".
	Attempted string
	// Subject is HOST:PORT, with the database where one matters.
	Subject string
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
	s := story.Story{Attempted: e.Attempted + " " + e.Subject, Reason: e.Reason, Done: e.Done, Next: e.Next}
	if e.Err != nil {
		s.Cause = explain(e.Err)
	}
	return s
}

func detail(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail()
	}
	return explain(err)
}

// IsKind says whether an error of this package is of a kind.
func IsKind(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}

// IsUnreachable says that the server, or the region of its secret, gave no
// answer: it may be up, and its writers may be writing.
func IsUnreachable(err error) bool { return IsKind(err, KindUnreachable) }

// UnreachableError says that a server gave no answer. Later attempts of the same
// process repeat it without waiting.
type UnreachableError struct {
	Address string
	Spent   time.Duration
	Err     error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s gave no answer (%s were spent on it): %v", e.Address, e.Spent.Round(100*time.Millisecond), e.Err)
}

// Unwrap gives the last attempt's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// explain gives the cause in the server's own words.
func explain(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		text := e.Message + " (SQLSTATE " + e.Code + ")"
		for _, more := range []string{e.Detail, e.Hint} {
			if more != "" {
				text += ". " + strings.TrimSuffix(more, ".")
			}
		}
		return text
	}
	return awsclient.Explain(err)
}

// sqlState is the code of a server's error, or "".
func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// silence says that an attempt to connect met no PostgreSQL server.
func silence(err error) bool {
	if sqlState(err) != "" || untrusted(err) {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok { // look-ups, refusals, resets and time-outs
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, context.DeadlineExceeded)
}

func untrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// failed maps what ended an operation on a target to an *Error.
func failed(ctx context.Context, t Target, attempted, done string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Done == "" {
			e.Done = done
		}
		return e
	}
	e := &Error{Kind: KindRefused, Attempted: attempted, Subject: t.String(), Err: err, Done: done, Next: "Mend what the server says above, then apply again."}
	switch {
	case ctx.Err() != nil:
		e.Kind, e.Reason = KindTimeout, "The time ran out."
		e.Next = "Apply again: it goes on from where this run ended. Raise the timeout of the operation if the server needs longer."
	case sqlState(err) == "42501":
		e.Kind = KindPrivilege
		e.Next = "Grant the fence's role what the documentation of this resource lists, then apply again."
	case silence(err):
		e.Kind, e.Reason = KindUnreachable, "The connection was lost."
		e.Next = "Apply again: it goes on from where this run ended."
	}
	return e
}
