// SPDX-License-Identifier: MPL-2.0

package awsclient

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// backoff doubles from 100 ms to maxRetryDelay, with half of it random: a lost
// connection is tried again long before a region's budget is spent.
type backoff struct{}

// BackoffDelay is the time to wait after an attempt (counted from 1).
func (backoff) BackoffDelay(attempt int, _ error) (time.Duration, error) {
	d := 100 * time.Millisecond << min(max(attempt-1, 0), 10)
	d = min(d, maxRetryDelay)
	return d/2 + rand.N(d/2+1), nil
}

// unlimited replaces the SDK's retry quota, which would give up under the very
// throttling that an estate of hundreds meets.
type unlimited struct{}

// GetToken always succeeds.
func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}

// AddTokens does nothing.
func (unlimited) AddTokens(uint) error { return nil }

// RetryThrottlingOnly is for calls that must not be made again after an answer
// was lost: only what AWS has certainly not begun is retried.
func RetryThrottlingOnly(r aws.Retryer) aws.Retryer {
	if v2, ok := r.(aws.RetryerV2); ok {
		return throttlingOnly{v2}
	}
	return r
}

type throttlingOnly struct{ aws.RetryerV2 }

// IsErrorRetryable implements aws.Retryer.
func (throttlingOnly) IsErrorRetryable(err error) bool { return IsThrottled(err) }
