// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// queue hands calls that arrive together to one run, and never has two runs at
// a time: what arrives during a run waits for the next.
type queue[I, O any] struct {
	window time.Duration
	run    func([]*call[I, O])

	mu      sync.Mutex
	pending []*call[I, O]
	running bool
}

// call is one caller's part of a run.
type call[I, O any] struct {
	ctx  context.Context
	in   I
	sent atomic.Bool // a request that holds it has gone out
	last atomic.Value
	done chan struct{}
	out  O
	err  error
}

type lastAnswer struct{ err error }

// answer ends the call.
func (c *call[I, O]) answer(out O, err error) {
	c.out, c.err = out, err
	close(c.done)
}

// note keeps what was answered to a request that will be repeated.
func (c *call[I, O]) note(err error) { c.last.Store(lastAnswer{err}) }

func (c *call[I, O]) lastAnswer() error {
	l, _ := c.last.Load().(lastAnswer)
	return l.err
}

// do waits for the call's answer or for the end of its context, whichever is
// first. A call that is abandoned may still take effect if it was sent.
func (q *queue[I, O]) do(ctx context.Context, in I) (*call[I, O], error) {
	c := &call[I, O]{ctx: ctx, in: in, done: make(chan struct{})}
	q.mu.Lock()
	q.pending = append(q.pending, c)
	if !q.running {
		q.running = true
		go q.loop()
	}
	q.mu.Unlock()
	select {
	case <-c.done:
		return c, c.err
	case <-ctx.Done():
		return c, ctx.Err()
	}
}

func (q *queue[I, O]) loop() {
	time.Sleep(q.window)
	for {
		q.mu.Lock()
		calls := q.pending
		q.pending = nil
		if len(calls) == 0 {
			q.running = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		q.run(calls)
	}
}

// living leaves out the calls whose callers have gone away.
func living[I, O any](calls []*call[I, O]) []*call[I, O] {
	var out []*call[I, O]
	for _, c := range calls {
		if c.ctx.Err() == nil {
			out = append(out, c)
		}
	}
	return out
}

// together makes a context that ends when the contexts of all calls have ended.
func together[I, O any](calls []*call[I, O]) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(calls[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(calls)))
	var stops []func() bool
	for _, c := range calls {
		stops = append(stops, context.AfterFunc(c.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// backoff is the pause before the next try: it doubles up to a limit.
type backoff struct{ next, limit time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(2*b.next, b.limit)
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
