// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options of an Engine. The zero value is an engine of two regions in real
// time that logs nothing.
type Options struct {
	// Regions that exist; us-east-1 and us-west-2 unless given.
	Regions []string
	// TimeScale divides the durations of lifecycles; 1 unless greater.
	TimeScale float64
	// DataDir is where real parts keep their files.
	DataDir string
	// Log receives what a user may want to know; nil discards it.
	Log *slog.Logger
}

// Engine routes requests to services. Services keep it to reach the clock, the
// network and the regions' states.
type Engine struct {
	Clock   Clock
	Network Network
	Log     *slog.Logger
	// DataDir is where real parts keep their files.
	DataDir string
	// Regions that exist.
	Regions []string

	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	services map[string]*registration
	regions  map[string]*region
	watchers []func(string, RegionState)
	keys     map[string]Identity

	records recorder
	faults  faults
}

// New makes an engine with no services, every region up, and the access keys
// of the two standing accounts.
func New(o Options) *Engine {
	if len(o.Regions) == 0 {
		o.Regions = []string{"us-east-1", "us-west-2"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{
		Clock:    Clock{Scale: max(1, o.TimeScale)},
		Log:      o.Log,
		DataDir:  o.DataDir,
		Regions:  o.Regions,
		ctx:      ctx,
		cancel:   cancel,
		services: map[string]*registration{},
		regions:  map[string]*region{},
		keys:     standingKeys(),
	}
	for _, name := range append([]string{GlobalRegion}, o.Regions...) {
		e.regions[name] = newRegion(name)
	}
	e.Network = newLoopback(e)
	return e
}

// Register adds a service, or replaces the one of the same name. It panics on a
// definition that cannot work: that is a mistake in the service's source.
func (e *Engine) Register(s Service) {
	r, err := newRegistration(s)
	if err != nil {
		panic(fmt.Sprintf("sandbox: service %q: %v", s.Name, err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.services[s.Name] = r
}

func (e *Engine) service(name string) *registration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.services[name]
}

// Context ends when the engine is closed.
func (e *Engine) Context() context.Context { return e.ctx }

// Close ends held calls and black-holed connections with a reset, closes every
// proxy and gives the loopback addresses back. It may be called again.
func (e *Engine) Close() error {
	e.cancel()
	if n, ok := e.Network.(*loopback); ok {
		return n.close()
	}
	return nil
}

// ID makes a random identifier of the form that AWS uses for request ids.
func ID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// pause waits for a duration, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
