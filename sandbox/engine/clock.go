// SPDX-License-Identifier: MPL-2.0

package engine

import "time"

// Clock is wall time whose AWS-made durations pass Scale times as fast. Every
// time stamp that the sandbox gives out is wall time, so that clients can
// compare it with their own clock; only the length of lifecycles is divided.
type Clock struct {
	// Scale is at least 1: the simulated seconds in one second of wall time.
	Scale float64
}

// Now is the wall time in UTC.
func (c Clock) Now() time.Time { return time.Now().UTC() }

// Wall turns a duration as AWS takes it into what the sandbox takes.
func (c Clock) Wall(simulated time.Duration) time.Duration {
	if c.Scale <= 1 {
		return simulated
	}
	return time.Duration(float64(simulated) / c.Scale)
}

// Simulated turns a wall duration into the one that AWS would have taken.
func (c Clock) Simulated(wall time.Duration) time.Duration {
	if c.Scale <= 1 {
		return wall
	}
	return time.Duration(float64(wall) * c.Scale)
}

// AfterFunc runs f after a simulated duration.
func (c Clock) AfterFunc(simulated time.Duration, f func()) *time.Timer {
	return time.AfterFunc(c.Wall(simulated), f)
}
