// SPDX-License-Identifier: MPL-2.0

package awsclient

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// UnreachableError says that a region gave no usable answer within its budget,
// or that the configuration lists it as failed.
type UnreachableError struct {
	Region string
	// Budget that was spent without any answer.
	Budget time.Duration
	// Listed: the region is one of failed_regions and was not called.
	Listed bool
	// Status is the HTTP status (5xx) of the answers that it gave, 0 if it gave
	// none.
	Status int
	// Err is how the last attempt ended, if one was made.
	Err error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	switch {
	case e.Listed:
		return e.Region + " is listed in failed_regions and was not called"
	case e.Status != 0:
		return fmt.Sprintf("%s answered with nothing but errors (HTTP %d) for %s", e.Region, e.Status, e.Budget)
	case e.Err != nil:
		return fmt.Sprintf("%s gave no answer within %s: %v", e.Region, e.Budget, e.Err)
	default:
		return fmt.Sprintf("%s gave no answer within %s", e.Region, e.Budget)
	}
}

// Unwrap gives the last attempt's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

type essentialKey struct{}

// Essential marks calls that must not be given up although their region is
// silent: an open breaker lets them through, and only their context and the
// time-out of each attempt end them. It is for waiting for what an accepted,
// irreversible call does.
func Essential(ctx context.Context) context.Context {
	return context.WithValue(ctx, essentialKey{}, true)
}

func isEssential(ctx context.Context) bool {
	v, _ := ctx.Value(essentialKey{}).(bool)
	return v
}

// breaker charges the time during which at least one operation waits for an
// answer of its region, and none comes, to one budget. An operation waits from
// its first attempt on; it pauses between an answer (throttling, say) and its
// next attempt, but not between a lost connection or a 5xx and the next attempt.
type breaker struct {
	region string
	budget time.Duration
	listed bool

	mu      sync.Mutex
	waiting int           // operations that wait for an answer
	since   time.Time     // start of the present silence, while waiting > 0
	spent   time.Duration // silence before since
	timer   *time.Timer
	open    bool
	status  int             // of a 5xx since the last usable answer
	tripped context.Context // ends when the breaker opens
	trip    context.CancelFunc
}

func newBreaker(region string, budget time.Duration, listed bool) *breaker {
	b := &breaker{region: region, budget: budget, listed: listed, open: listed}
	b.tripped, b.trip = context.WithCancel(context.Background())
	b.timer = time.AfterFunc(time.Hour, b.expire)
	b.timer.Stop()
	return b
}

// begin is the start of an operation: an error if the breaker is open. The
// operation must be ended.
func (b *breaker) begin(ctx context.Context) (context.Context, *operation, error) {
	op := &operation{breaker: b}
	if isEssential(ctx) {
		op.essential = true
		ctx, op.cancel = context.WithCancel(ctx)
		return context.WithValue(ctx, operationKey{}, op), op, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		return ctx, nil, b.unreachable(nil)
	}
	op.tripped = b.tripped
	ctx, op.cancel = context.WithCancel(ctx)
	op.stop = context.AfterFunc(b.tripped, op.cancel)
	return context.WithValue(ctx, operationKey{}, op), op, nil
}

func (b *breaker) unreachable(err error) *UnreachableError {
	return &UnreachableError{Region: b.region, Budget: b.budget, Listed: b.listed, Status: b.status, Err: err}
}

// answered resets the budget and closes an open breaker.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent, b.since, b.status = 0, time.Now(), 0
	if b.waiting > 0 {
		b.timer.Reset(b.budget)
	}
	if b.open && !b.listed {
		b.open = false
		b.tripped, b.trip = context.WithCancel(context.Background())
	}
}

func (b *breaker) wait(delta int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.waiting
	b.waiting += delta
	switch {
	case before == 0 && b.waiting > 0:
		b.since = time.Now()
		b.timer.Reset(b.budget - b.spent)
	case before > 0 && b.waiting == 0:
		b.spent += time.Since(b.since)
		b.timer.Stop()
	}
}

// expire opens the breaker, unless an answer came while the timer fired.
func (b *breaker) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open || b.waiting == 0 {
		return
	}
	if left := b.budget - b.spent - time.Since(b.since); left > 0 {
		b.timer.Reset(left)
		return
	}
	b.open = true
	b.trip()
}

type operationKey struct{}

// operation is one call with all its attempts.
type operation struct {
	breaker   *breaker
	essential bool
	cancel    context.CancelFunc
	stop      func() bool
	tripped   context.Context

	mu      sync.Mutex
	waiting bool
	lastErr error
}

func operationOf(ctx context.Context) *operation {
	op, _ := ctx.Value(operationKey{}).(*operation)
	return op
}

// attempt starts to wait for an answer. Essential operations do not charge the
// budget: their silence must not end other calls sooner.
func (o *operation) attempt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.waiting && !o.essential {
		o.waiting = true
		o.breaker.wait(1)
	}
}

func (o *operation) answered() {
	o.breaker.answered()
	o.pause()
}

// failing is an answer that blames the service: it neither resets the budget
// nor closes an open breaker.
func (o *operation) failing(status int) {
	o.breaker.mu.Lock()
	defer o.breaker.mu.Unlock()
	o.breaker.status = status
}

func (o *operation) lost(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// What ends an attempt when the breaker opens is no news: it would say that
	// this process gave up, which is known.
	if o.tripped == nil || o.tripped.Err() == nil {
		o.lastErr = err
	}
}

func (o *operation) pause() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting {
		o.waiting = false
		o.breaker.wait(-1)
	}
}

// end finishes the operation, and says what its error means.
func (o *operation) end(parent context.Context, err error) error {
	o.pause()
	if o.stop != nil {
		o.stop()
	}
	o.cancel()
	if err != nil && o.tripped != nil && o.tripped.Err() != nil && parent.Err() == nil && !hasAnswer(err) {
		o.mu.Lock()
		last := o.lastErr
		o.mu.Unlock()
		o.breaker.mu.Lock()
		defer o.breaker.mu.Unlock()
		return o.breaker.unreachable(last)
	}
	return err
}
