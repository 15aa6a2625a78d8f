// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// ErrNotFound says that the zone exists and the record set does not.
var ErrNotFound = errors.New("no such record set")

// ZoneNotFoundError says that the hosted zone does not exist in the account
// whose credentials were used.
type ZoneNotFoundError struct {
	ZoneID string
	Err    error
}

func (e *ZoneNotFoundError) Error() string {
	return fmt.Sprintf("hosted zone %s does not exist in this account: %v", e.ZoneID, e.Err)
}
func (e *ZoneNotFoundError) Unwrap() error { return e.Err }

// ConflictError says that the record set exists with something that nobody
// declared, and that it was left alone.
type ConflictError struct {
	Key  Key
	Have string // what is there
	Want string // what was to be there
	// Shape is set when the record cannot exist beside what is there, so that
	// overwriting is no way out.
	Shape bool
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s already exists with %s; wanted %s", e.Key, e.Have, e.Want)
}

// DeniedError says that the credentials lack an IAM action.
type DeniedError struct {
	Action   string // for instance "route53:GetChange"
	ZoneID   string
	ChangeID string // the change that was accepted, "" if none was
	Err      error
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s on hosted zone %s was denied: %v", e.Action, e.ZoneID, e.Err)
}
func (e *DeniedError) Unwrap() error { return e.Err }

// RefusedError says that Route 53 refused the change of this one record.
type RefusedError struct {
	Key      Key
	Messages []string // in Route 53's own words
	Err      error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("Route 53 refused the change of %s: %s", e.Key, strings.Join(e.Messages, "; "))
}
func (e *RefusedError) Unwrap() error { return e.Err }

// FailedError says that a call ended for a reason that has nothing to do with
// the record: an expired token, no credentials, an error that Route 53 does not
// document.
type FailedError struct {
	Action   string // for instance "route53:GetChange"
	Key      Key
	Sent     bool   // the change went out and may have been taken
	ChangeID string // the change that was accepted, "" if none was
	Err      error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%s for %s: %v", e.Action, e.Key, e.Err)
}
func (e *FailedError) Unwrap() error { return e.Err }

// StuckError says that Route 53's control plane gave no usable answer.
type StuckError struct {
	Key      Key
	From, To string // names of the targets; From is "" where it is not known
	// Sent says that the change went out and may have been taken, although no
	// answer came. Repeating it is harmless either way.
	Sent bool
	// ChangeID is set when Route 53 took the change and only its confirmation
	// is missing.
	ChangeID string
	Err      error
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("Route 53's control plane does not answer; %s is stuck on its way from %q to %q: %v", e.Key, e.From, e.To, e.Err)
}
func (e *StuckError) Unwrap() error { return e.Err }

// TimeoutError says that the caller's time ran out.
type TimeoutError struct {
	Key      Key
	Doing    string // what was being waited for
	Last     error  // the last refusal, where there was one
	ChangeID string // the change that was accepted, "" if none is known to be
	Spent    time.Duration
	Err      error // the context's error
}

func (e *TimeoutError) Error() string {
	s := fmt.Sprintf("%s: time ran out after %s while %s", e.Key, e.Spent.Round(100*time.Millisecond), e.Doing)
	if e.Last != nil {
		s += fmt.Sprintf(" (last answer: %v)", e.Last)
	}
	return s
}
func (e *TimeoutError) Unwrap() error { return e.Err }

// kind is what an answer means for the call that got it.
type kind int

const (
	final      kind = iota // says something about the whole request
	divisible              // says something about a part of it
	busy                   // try again for as long as there is time
	failing                // no answer, or the server's own fault: try again once
	cut                    // the region's budget is spent: no use to try
	denied                 // the caller may not do this, or not all of it
	zoneAbsent             // no such hosted zone
)

func kindOf(err error) kind {
	if _, ok := errors.AsType[*awsclient.CredentialsError](err); ok {
		return final
	}
	switch code := awsclient.Code(err); {
	case awsclient.IsUnreachable(err):
		return cut
	case awsclient.IsThrottled(err): // PriorRequestNotComplete among them
		return busy
	case code == "NoSuchHostedZone":
		return zoneAbsent
	case code == "AccessDenied", code == "AccessDeniedException":
		return denied
	case code == "InvalidChangeBatch", code == "InvalidInput", code == "NoSuchHealthCheck":
		return divisible
	case awsclient.IsUnanswered(err):
		return failing
	}
	return final
}

// messages are Route 53's own words about a refused change.
func messages(err error) []string {
	if batch, ok := errors.AsType[*types.InvalidChangeBatch](err); ok && len(batch.Messages) > 0 {
		return batch.Messages
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return []string{api.ErrorMessage()}
	}
	return []string{err.Error()}
}

// explain turns the error of a call about one record into one of this
// package's types.
func explain(ctx context.Context, err error, p progress) error {
	if err == nil {
		return nil
	}
	// A region's spent budget ends its calls by cancelling them, which must not
	// be taken for the caller's own end.
	if ctx.Err() != nil || !awsclient.IsUnreachable(err) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return &TimeoutError{Key: p.key, Doing: p.doing, Last: p.last, ChangeID: p.changeID, Spent: time.Since(p.began), Err: err}
	}
	switch kindOf(err) {
	case zoneAbsent:
		return &ZoneNotFoundError{ZoneID: p.key.ZoneID, Err: err}
	case denied:
		return &DeniedError{Action: p.action, ZoneID: p.key.ZoneID, ChangeID: p.changeID, Err: err}
	case divisible:
		return &RefusedError{Key: p.key, Messages: messages(err), Err: err}
	case cut, failing, busy:
		return &StuckError{Key: p.key, From: p.from, To: p.to, Sent: p.sent, ChangeID: p.changeID, Err: err}
	}
	return &FailedError{Action: p.action, Key: p.key, Sent: p.sent, ChangeID: p.changeID, Err: err}
}

// progress is how far the work on one record has come.
type progress struct {
	key      Key
	from, to string // names of targets
	action   string // the IAM action of the present call
	doing    string // the present call, for people
	began    time.Time
	sent     bool
	changeID string
	last     error
}
