// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"slices"
	"sync"
)

// region holds one region's state and tells everyone who waits for a change.
type region struct {
	name string

	mu      sync.Mutex
	state   RegionState
	changed chan struct{} // closed at each change, then replaced
}

func newRegion(name string) *region {
	return &region{name: name, state: Up, changed: make(chan struct{})}
}

// look returns the state and a channel that is closed when it changes.
func (r *region) look() (RegionState, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, r.changed
}

func (r *region) set(s RegionState) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == s {
		return false
	}
	r.state = s
	close(r.changed)
	r.changed = make(chan struct{})
	return true
}

func (e *Engine) region(name string) *region {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.regions[name]
}

// RegionNames lists GlobalRegion and every region, sorted.
func (e *Engine) RegionNames() []string {
	names := append([]string{GlobalRegion}, e.Regions...)
	slices.Sort(names)
	return names
}

// HasRegion tells whether a region (or GlobalRegion) exists.
func (e *Engine) HasRegion(name string) bool { return e.region(name) != nil }

// RegionState is what a region's network does now; Down for one that does not
// exist.
func (e *Engine) RegionState(name string) RegionState {
	r := e.region(name)
	if r == nil {
		return Down
	}
	s, _ := r.look()
	return s
}

// SetRegion changes what a region's network does, GlobalRegion's included. On
// return every connection of the region has been cut or silenced and everyone
// who asked by OnRegion has been told. A region that does not exist is ignored.
func (e *Engine) SetRegion(name string, s RegionState) {
	r := e.region(name)
	if r == nil || !r.set(s) {
		return
	}
	e.Log.Info("region changed", "region", name, "state", string(s))
	e.mu.Lock()
	watchers := slices.Clone(e.watchers)
	e.mu.Unlock()
	for _, f := range watchers {
		f(name, s)
	}
}

// OnRegion has f called at each change of a region's state, in the order of
// the changes and of the calls to OnRegion.
func (e *Engine) OnRegion(f func(region string, s RegionState)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers = append(e.watchers, f)
}

// worst is the state that a path through several regions has: Down before
// BlackHoled before Up. The channel closes when any of them changes.
func (e *Engine) worst(names []string) (RegionState, []<-chan struct{}) {
	state := Up
	var changes []<-chan struct{}
	for _, name := range names {
		r := e.region(name)
		if r == nil {
			return Down, nil
		}
		s, changed := r.look()
		changes = append(changes, changed)
		if s == Down || state == Up {
			state = s
		}
	}
	return state, changes
}
