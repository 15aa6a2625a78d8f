// SPDX-License-Identifier: MPL-2.0

package wait

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Loader turns single look-ups that happen within a few milliseconds into one.
// It keeps nothing: every load is a fresh look.
type Loader[K comparable, V any] struct {
	// Fetch looks keys up. Those that do not exist are absent from the answer.
	// An error is every caller's.
	Fetch func(ctx context.Context, keys []K) (map[K]V, error)

	mu    sync.Mutex
	batch *batch[K, V] // still takes keys
}

type batch[K comparable, V any] struct {
	keys    map[K]struct{}
	callers int
	cancel  context.CancelFunc
	done    chan struct{}
	values  map[K]V
	err     error
}

// Load looks one key up, together with the others that are asked for now. The
// fetch runs with the values of the first caller's context, and is cancelled
// when no caller waits for it any more.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (value V, found bool, err error) {
	b := l.join(ctx, key)
	defer l.leave(b)
	select {
	case <-ctx.Done():
		return value, false, context.Cause(ctx)
	case <-b.done:
		value, found = b.values[key]
		return value, found, b.err
	}
}

func (l *Loader[K, V]) join(ctx context.Context, key K) *batch[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batch == nil {
		b := &batch[K, V]{keys: map[K]struct{}{}, done: make(chan struct{})}
		ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
		l.batch = b
		time.AfterFunc(window, func() { l.run(ctx, b) })
	}
	l.batch.keys[key] = struct{}{}
	l.batch.callers++
	return l.batch
}

func (l *Loader[K, V]) leave(b *batch[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.callers--; b.callers > 0 {
		return
	}
	b.cancel()
	if l.batch == b {
		l.batch = nil
	}
}

func (l *Loader[K, V]) run(ctx context.Context, b *batch[K, V]) {
	defer close(b.done)
	l.mu.Lock()
	if l.batch == b {
		l.batch = nil
	}
	keys := slices.Collect(maps.Keys(b.keys))
	l.mu.Unlock()
	if b.err = ctx.Err(); b.err == nil {
		b.values, b.err = l.Fetch(ctx, keys)
	}
}
