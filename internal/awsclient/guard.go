// SPDX-License-Identifier: MPL-2.0

package awsclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// guard is the middleware that puts an operation, with all its attempts, under
// its region's breaker.
type guard struct {
	breaker     *breaker
	credentials aws.CredentialsProvider
	onCall      func(context.Context, Call)
}

// ID implements middleware.InitializeMiddleware.
func (*guard) ID() string { return "DRRegionBudget" }

// HandleInitialize implements middleware.InitializeMiddleware.
func (g *guard) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	out middleware.InitializeOutput, metadata middleware.Metadata, err error,
) {
	start := time.Now()
	if g.onCall != nil {
		defer func() {
			id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
			if id == "" {
				id = RequestID(err)
			}
			g.onCall(ctx, Call{
				Service:   awsmiddleware.GetServiceID(ctx),
				Operation: awsmiddleware.GetOperationName(ctx),
				Region:    g.breaker.region,
				RequestID: id,
				Duration:  time.Since(start),
				Err:       err,
			})
		}()
	}
	opCtx, op, err := g.breaker.begin(ctx)
	if err != nil {
		return out, metadata, err
	}
	// Credentials may come from another region's STS, with a budget of its
	// own: they are fetched before this region's budget is charged.
	if g.credentials != nil {
		if _, err = g.credentials.Retrieve(ctx); err != nil {
			return out, metadata, op.end(ctx, &CredentialsError{Err: err})
		}
	}
	out, metadata, err = next.HandleInitialize(opCtx, in)
	return out, metadata, op.end(ctx, err)
}

// maxBody bounds an answer that is kept in memory; AWS's are far smaller.
const maxBody = 64 << 20

// regionClient makes attempts: it bounds each, reads the whole answer (a region
// may fall silent in the middle of one) and tells the operation how it ended.
type regionClient struct {
	inner   aws.HTTPClient
	timeout time.Duration
}

// Do implements aws.HTTPClient.
func (c *regionClient) Do(req *http.Request) (*http.Response, error) {
	op := operationOf(req.Context())
	if op == nil {
		return c.inner.Do(req)
	}
	op.attempt()
	resp, body, err := c.do(req)
	switch {
	case err != nil:
		op.lost(err)
		return nil, err
	case resp.StatusCode >= http.StatusInternalServerError && !throttles(body):
		op.failing(resp.StatusCode)
	default:
		op.answered()
	}
	return resp, nil
}

// throttles says that an error's body names one of the codes of throttling,
// which comes from a service that is well.
func throttles(body []byte) bool {
	for code := range retry.DefaultThrottleErrorCodes {
		if bytes.Contains(body, []byte(code)) {
			return true
		}
	}
	return false
}

func (c *regionClient) do(req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.timeoutFor(req.Context()))
	defer cancel()
	resp, err := c.inner.Do(req.WithContext(ctx))
	if err == nil {
		var body []byte
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		_ = resp.Body.Close()
		if err == nil {
			resp.Body = io.NopCloser(bytes.NewReader(body))
			return resp, body, nil
		}
	}
	if req.Context().Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil, &attemptError{err: fmt.Errorf("no answer to one attempt within %s", c.timeoutFor(req.Context()))}
	}
	return nil, nil, &attemptError{err: err}
}

func (c *regionClient) timeoutFor(ctx context.Context) time.Duration {
	if d, ok := ctx.Value(attemptTimeoutKey{}).(time.Duration); ok {
		return d
	}
	return c.timeout
}

type attemptTimeoutKey struct{}

// WithAttemptTimeout changes how long one attempt may take (10 s): a call that
// changes something may rightly take longer than one that looks.
func WithAttemptTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, attemptTimeoutKey{}, d)
}

// attemptError is an attempt that brought no answer. The SDK may try again.
type attemptError struct{ err error }

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

// RetryableError implements the SDK's interface.
func (*attemptError) RetryableError() bool { return true }
