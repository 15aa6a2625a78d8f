// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"sync"
	"time"
)

// FaultKind is what a fault does to a call.
type FaultKind string

// The kinds of faults. FaultReset ends the connection with a reset.
const (
	FaultError    FaultKind = "error"
	FaultThrottle FaultKind = "throttle"
	FaultLatency  FaultKind = "latency"
	FaultHold     FaultKind = "hold"
	FaultReset    FaultKind = "reset"
)

// When says at which side of a call's effect a fault is. An error after it is an
// answer that tells the caller nothing of what was done.
type When string

// Before is the default.
const (
	Before When = "before"
	After  When = "after"
)

// Fault goes wrong with the calls that it matches.
type Fault struct {
	// ID names the fault; made up unless given.
	ID string `json:"id"`
	// Service (signing name), Operation (a glob such as "Describe*"), Region
	// and Account of the calls; empty means any.
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Region    string `json:"region,omitempty"`
	Account   string `json:"account,omitempty"`
	// Skip the first calls that match, then apply to the next Times, 0 meaning
	// all of them.
	Skip  int       `json:"skip,omitempty"`
	Times int       `json:"times,omitempty"`
	Kind  FaultKind `json:"kind"`
	When  When      `json:"when,omitempty"`
	// Error is the answer of FaultError.
	Error *Error `json:"error,omitempty"`
	// Latency of FaultLatency, in wall time.
	Latency time.Duration `json:"latency_ns,omitempty"`
}

// Validate tells what is wrong with a fault that came from outside.
func (f *Fault) Validate() error {
	switch f.Kind {
	case FaultError, FaultThrottle, FaultHold, FaultReset:
	case FaultLatency:
		if f.Latency <= 0 {
			return errors.New("a latency fault needs a latency above 0")
		}
	default:
		return fmt.Errorf("%q is no kind of fault: error, throttle, latency, hold or reset", f.Kind)
	}
	if f.When != "" && f.When != Before && f.When != After {
		return fmt.Errorf("a fault is %q or %q a call's effect, not %q", Before, After, f.When)
	}
	if f.Kind == FaultThrottle && f.When == After {
		return errors.New("a call that is throttled never takes effect: a throttle fault cannot come after it")
	}
	if f.Skip < 0 || f.Times < 0 {
		return errors.New("skip and times cannot be negative")
	}
	if _, err := path.Match(f.Operation, ""); err != nil {
		return fmt.Errorf("operation %q: %w", f.Operation, err)
	}
	return nil
}

func (f *Fault) matches(r *Record) bool {
	same := func(want, have string) bool { return want == "" || want == have }
	if !same(f.Service, r.Service) || !same(f.Region, r.Region) || !same(f.Account, r.Account) {
		return false
	}
	if f.Operation == "" {
		return true
	}
	ok, err := path.Match(f.Operation, r.Operation)
	return ok && err == nil
}

// ActiveFault is a fault that was added.
type ActiveFault struct {
	Fault

	set  *faults
	held chan Record

	// Guarded by set.mu.
	seen, applied, holding int
	release, drop          chan struct{} // closed at each Release and Drop, then replaced
	removed                bool
}

// faults is the list of active ones.
type faults struct {
	mu     sync.Mutex
	next   int
	active []*ActiveFault
}

// heldBacklog is how many held calls wait for a reader of Held.
const heldBacklog = 4096

// AddFault starts a fault.
func (e *Engine) AddFault(f Fault) *ActiveFault {
	set := &e.faults
	set.mu.Lock()
	defer set.mu.Unlock()
	set.next++
	if f.ID == "" {
		f.ID = "fault-" + strconv.Itoa(set.next)
	}
	if f.When == "" {
		f.When = Before
	}
	if f.Kind == FaultError && f.Error == nil {
		f.Error = &Error{Code: "InternalFailure", Status: 500, Message: "The request processing has failed because of an internal error."}
	}
	a := &ActiveFault{
		Fault: f, set: set, held: make(chan Record, heldBacklog),
		release: make(chan struct{}), drop: make(chan struct{}),
	}
	set.active = append(set.active, a)
	return a
}

// Faults lists the active faults.
func (e *Engine) Faults() []*ActiveFault {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	return append([]*ActiveFault(nil), e.faults.active...)
}

// Held receives the record of each call as the fault begins to hold it.
func (a *ActiveFault) Held() <-chan Record { return a.held }

// Counts tells how many calls matched, how many the fault applied to, and how
// many it holds now.
func (a *ActiveFault) Counts() (seen, applied, holding int) {
	a.set.mu.Lock()
	defer a.set.mu.Unlock()
	return a.seen, a.applied, a.holding
}

// Release lets the calls that are held now go on.
func (a *ActiveFault) Release() {
	a.set.mu.Lock()
	defer a.set.mu.Unlock()
	close(a.release)
	a.release = make(chan struct{})
}

// Drop ends the calls that are held now with a reset of their connections. One
// that was held before its effect never takes effect.
func (a *ActiveFault) Drop() {
	a.set.mu.Lock()
	defer a.set.mu.Unlock()
	close(a.drop)
	a.drop = make(chan struct{})
}

// Remove ends the fault; calls that it holds go on.
func (a *ActiveFault) Remove() {
	a.set.mu.Lock()
	for i, other := range a.set.active {
		if other == a {
			a.set.active = append(a.set.active[:i:i], a.set.active[i+1:]...)
			break
		}
	}
	a.removed = true
	a.set.mu.Unlock()
	a.Release()
}

// applying returns the faults that apply to a call at one side of its effect,
// and counts them.
func (set *faults) applying(r *Record, when When) []*ActiveFault {
	set.mu.Lock()
	defer set.mu.Unlock()
	var list []*ActiveFault
	for _, a := range set.active {
		if a.When != when || !a.matches(r) {
			continue
		}
		a.seen++
		if a.seen <= a.Skip || (a.Times > 0 && a.applied >= a.Times) {
			continue
		}
		a.applied++
		list = append(list, a)
	}
	return list
}

// goneGrace is how long a released call waits for news that its client is
// gone: a harness kills the client and releases at once.
const goneGrace = 20 * time.Millisecond

// hold keeps a call until it is released (true), or dropped or given up by its
// client (false).
func (a *ActiveFault) hold(ctx context.Context, r Record) bool {
	a.set.mu.Lock()
	if a.removed { // since it was found to apply: nobody could release the call
		a.set.mu.Unlock()
		return true
	}
	release, drop := a.release, a.drop
	a.holding++
	a.set.mu.Unlock()
	defer func() {
		a.set.mu.Lock()
		a.holding--
		a.set.mu.Unlock()
	}()
	select {
	case a.held <- r:
	default: // nobody reads
	}
	select {
	case <-ctx.Done():
		return false
	case <-drop:
		return false
	case <-release:
		pause(ctx, goneGrace)
		return ctx.Err() == nil
	}
}
