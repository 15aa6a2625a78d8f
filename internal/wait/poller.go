// SPDX-License-Identifier: MPL-2.0

// Package wait is the one polling loop of the provider. A Poller lets any
// number of waiters share one look at the world, and a Loader does the same for
// single look-ups that happen together. Both know nothing of AWS, and never
// sleep in a way that a context cannot end.
package wait

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// window is how long a look is held back so that others can join it.
const window = 5 * time.Millisecond

// growth is the part of a wait's age that may pass until the next look: what
// has taken a minute is looked at every three seconds.
const growth = 20

// Poller watches any number of keys with one fetch at a time. N waiters cost
// what one costs. The time between two fetches starts at Interval, grows with
// the age of the wait to Max, and starts anew with every change that is seen
// and every waiter that joins. The zero value is not usable: Fetch, Interval
// and Max must be set.
type Poller[K comparable, V any] struct {
	// Fetch observes keys. Those that do not exist are absent from the answer.
	Fetch func(ctx context.Context, keys []K) (map[K]V, error)
	// Interval is the shortest and Max the longest time between two fetches.
	Interval, Max time.Duration
	// Equal says that nothing has changed. Unset, only a key's appearance and
	// disappearance are changes.
	Equal func(a, b V) bool
	// Status describes an observation in a few words, for time-out errors.
	Status func(v V, found bool) string
	// Outlive says which of Fetch's errors a wait survives. Unset: none.
	Outlive func(error) bool

	mu      sync.Mutex
	waiters map[*waiter[K, V]]struct{}
	seen    map[K]observation[V]
	calm    time.Time     // when something last changed or a waiter joined
	fetched time.Time     // when the last fetch ended
	wake    chan struct{} // tells the loop that waiters came or went
	cancel  context.CancelFunc
	running bool
}

type observation[V any] struct {
	value V
	found bool
	err   error
}

type waiter[K comparable, V any] struct {
	key K
	ch  chan observation[V] // holds the newest observation
}

// TimeoutError says that a wait's context ended before what was awaited came.
type TimeoutError struct {
	// Last is the status that was seen last, "" if nothing was seen.
	Last string
	// Spent is how long the wait took.
	Spent time.Duration
	// LastErr is why the last look failed, if it did.
	LastErr error
	// Cause is the context's: DeadlineExceeded or Canceled.
	Cause error
}

// Error implements error.
func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("gave up after %s", e.Spent.Round(100*time.Millisecond))
	if errors.Is(e.Cause, context.Canceled) {
		text = fmt.Sprintf("was interrupted after %s", e.Spent.Round(100*time.Millisecond))
	}
	if e.Last != "" {
		text += "; last status: " + e.Last
	}
	if e.LastErr != nil {
		text += fmt.Sprintf("; the last look failed: %v", e.LastErr)
	}
	return text
}

// Unwrap gives the context's error.
func (e *TimeoutError) Unwrap() error { return e.Cause }

// Await calls look with each observation of key until look says done or
// returns an error. A context that ends gives a *TimeoutError. The fetches run
// with the values, but not the deadline, of the context of the waiter that came
// first.
func (p *Poller[K, V]) Await(ctx context.Context, key K, look func(v V, found bool) (done bool, err error)) error {
	w := &waiter[K, V]{key: key, ch: make(chan observation[V], 1)}
	start := time.Now()
	p.join(ctx, w)
	defer p.leave(w)
	timeout := &TimeoutError{}
	for {
		select {
		case <-ctx.Done():
			timeout.Spent, timeout.Cause = time.Since(start), context.Cause(ctx)
			return timeout
		case o := <-w.ch:
			timeout.LastErr = o.err
			if o.err != nil {
				if p.Outlive != nil && p.Outlive(o.err) {
					continue
				}
				return o.err
			}
			if p.Status != nil {
				timeout.Last = p.Status(o.value, o.found)
			}
			done, err := look(o.value, o.found)
			if done || err != nil {
				return err
			}
		}
	}
}

func (p *Poller[K, V]) join(ctx context.Context, w *waiter[K, V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiters == nil {
		p.waiters = map[*waiter[K, V]]struct{}{}
		p.seen = map[K]observation[V]{}
		p.wake = make(chan struct{}, 1)
	}
	p.waiters[w] = struct{}{}
	p.calm = time.Now()
	if p.running {
		p.nudge()
		return
	}
	p.running, p.fetched = true, time.Time{}
	go p.run(context.WithoutCancel(ctx))
}

func (p *Poller[K, V]) leave(w *waiter[K, V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiters, w)
	if len(p.waiters) > 0 {
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	p.nudge()
}

func (p *Poller[K, V]) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run is the loop. It ends with the last waiter.
func (p *Poller[K, V]) run(ctx context.Context) {
	for p.sleep() {
		ctx, cancel := context.WithCancel(ctx)
		keys, round := p.begin(cancel)
		values, err := p.Fetch(ctx, keys)
		if ctx.Err() == nil {
			p.deliver(round, values, err)
		}
		cancel()
	}
}

// sleep waits until the next fetch is due. It returns false, and the loop must
// end, when nobody waits any more.
func (p *Poller[K, V]) sleep() bool {
	timer := time.NewTimer(0)
	defer timer.Stop()
	start := time.Now()
	for {
		left, ok := p.due(start)
		if !ok || left <= 0 {
			return ok
		}
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-p.wake:
		}
	}
}

func (p *Poller[K, V]) due(start time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) == 0 {
		p.running = false
		clear(p.seen)
		return 0, false
	}
	if p.fetched.IsZero() {
		return time.Until(start.Add(window)), true
	}
	interval := min(max(time.Since(p.calm)/growth, p.Interval), p.Max)
	return time.Until(p.fetched.Add(interval)), true
}

// begin notes who takes part in a fetch: those who join later have to see the
// next one.
func (p *Poller[K, V]) begin(cancel context.CancelFunc) ([]K, []*waiter[K, V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel = cancel
	keys := map[K]struct{}{}
	for w := range p.waiters {
		keys[w.key] = struct{}{}
	}
	return slices.Collect(maps.Keys(keys)), slices.Collect(maps.Keys(p.waiters))
}

func (p *Poller[K, V]) deliver(round []*waiter[K, V], values map[K]V, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched, p.cancel = time.Now(), nil
	for _, w := range round {
		o := observation[V]{err: err}
		if err == nil {
			o.value, o.found = values[w.key]
			if p.changed(w.key, o) {
				p.calm = p.fetched
			}
		}
		select {
		case <-w.ch: // an observation that was not looked at yet is outdated
		default:
		}
		w.ch <- o
	}
}

func (p *Poller[K, V]) changed(key K, o observation[V]) bool {
	last, ok := p.seen[key]
	p.seen[key] = o
	switch {
	case !ok:
		return false
	case last.found != o.found:
		return true
	}
	return o.found && p.Equal != nil && !p.Equal(last.value, o.value)
}
