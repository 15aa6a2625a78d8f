// SPDX-License-Identifier: MPL-2.0

package awsclient

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// ErrNoRegion is returned by New when neither the configuration, the
// environment nor the profile names a region.
var ErrNoRegion = errors.New("no AWS region is configured")

// CredentialsError says that no credentials could be had.
type CredentialsError struct{ Err error }

// Error implements error.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("getting AWS credentials: %v", e.Err)
}

// Unwrap gives the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Code is the error code of an AWS answer, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// IsDenied says that AWS answered, and refused the caller: no permission, or
// credentials that it does not accept. Expired ones are IsExpiredToken.
func IsDenied(err error) bool {
	return slices.Contains([]string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized",
		"AuthorizationError", "AuthFailure", "OptInRequired", "InvalidClientTokenId",
		"UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId",
		"MissingAuthenticationToken", "IncompleteSignature", "InvalidSignatureException",
		"MissingAuthenticationTokenException", "IncompleteSignatureException",
	}, Code(err))
}

// IsExpiredToken says that the session's credentials are out of date.
func IsExpiredToken(err error) bool {
	return slices.Contains([]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}, Code(err))
}

// IsThrottled says that AWS asked for fewer calls.
func IsThrottled(err error) bool {
	_, ok := retry.DefaultThrottleErrorCodes[Code(err)]
	return ok
}

// IsUnreachable says that the region's budget was spent without a usable answer,
// or that the configuration lists it as failed. Credentials that could not be
// had from another region's STS say nothing about this one.
func IsUnreachable(err error) bool {
	_, ok := errors.AsType[*UnreachableError](err)
	return ok && !IsCredentials(err)
}

// IsFailing says that the region is there, and answers with nothing but errors
// of its own.
func IsFailing(err error) bool {
	e, ok := errors.AsType[*UnreachableError](err)
	return ok && e.Status != 0 && !IsCredentials(err)
}

// IsUnanswered says that the call may or may not have taken effect: it ended
// without an answer of the service, or with one that blames the service (5xx).
func IsUnanswered(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[*CredentialsError](err); ok {
		return false
	}
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && resp.HTTPStatusCode() >= 500 {
		return !IsThrottled(err)
	}
	return !hasAnswer(err) && !isLocal(err)
}

// IsTransient says that the same call may well succeed a moment later.
func IsTransient(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return err != nil && (IsThrottled(err) || IsUnanswered(err))
}

// hasAnswer says that the error is an answer of a service.
func hasAnswer(err error) bool {
	if _, ok := errors.AsType[smithy.APIError](err); ok {
		return true
	}
	// The SDK makes a response of status 0 of an attempt without one.
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && resp.HTTPStatusCode() > 0
}

// isLocal says that a call was never made: its input cannot be sent.
func isLocal(err error) bool {
	if _, ok := errors.AsType[*smithy.SerializationError](err); ok {
		return true
	}
	_, ok := errors.AsType[smithy.InvalidParamsError](err)
	return ok
}

// RequestID of an AWS answer, or "".
func RequestID(err error) string {
	if e, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok {
		return e.ServiceRequestID()
	}
	return ""
}

// Explain gives the cause in the server's own words with its request id, and
// without the SDK's wrapping.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*UnreachableError](err); ok {
		if IsCredentials(err) {
			return "getting AWS credentials: " + e.Error()
		}
		return e.Error()
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err.Error()
	}
	text := api.ErrorCode()
	if api.ErrorMessage() != "" {
		text += ": " + api.ErrorMessage()
	}
	if id := RequestID(err); id != "" {
		text += " (request id " + id + ")"
	}
	if _, ok := errors.AsType[*CredentialsError](err); ok {
		text = "getting AWS credentials: " + text
	}
	return text
}

// Advice is the next step for causes that have nothing to do with the
// operation: "" for all others.
func Advice(err error) string {
	switch unreachable, _ := errors.AsType[*UnreachableError](err); {
	case err == nil:
		return ""
	case unreachable != nil && unreachable.Listed:
		return fmt.Sprintf("Remove %s from failed_regions if it is up.", unreachable.Region)
	case unreachable != nil:
		return fmt.Sprintf("Check that %s is up and can be reached from here, then apply again; raise region_timeout if it is only slow.", unreachable.Region)
	case IsExpiredToken(err):
		return "Renew the credentials (sign in again), then apply again: it goes on from where this run ended."
	case IsCredentials(err) && !IsDenied(err):
		return "Provide credentials by the environment, a profile or assume_role, then apply again."
	case IsDenied(err):
		return "Grant the caller the permission named above (the documentation of this resource lists what it needs), then apply again."
	case IsThrottled(err):
		return "AWS asks for fewer calls: apply again in a minute, or with a lower -parallelism."
	case IsUnanswered(err):
		return "Apply again: it goes on from where this run ended."
	}
	return ""
}

// IsCredentials says that no credentials could be had.
func IsCredentials(err error) bool {
	_, ok := errors.AsType[*CredentialsError](err)
	return ok
}
