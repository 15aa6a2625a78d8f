// SPDX-License-Identifier: MPL-2.0

package engine

import "net"

// RegionState is what a region's network does.
type RegionState string

// The states of a region. Down refuses (a reset); BlackHoled accepts and holds
// every connection open without an answer, and silences the ones that are open.
const (
	Up         RegionState = "up"
	Down       RegionState = "down"
	BlackHoled RegionState = "blackholed"
)

// Network is where the sandbox's real parts listen: a block of loopback
// addresses of the sandbox's own, proxies that fail with their regions, and the
// names that its DNS server answers beside the hosted zones (an RDS endpoint's
// name, for instance).
type Network interface {
	// Address reserves an unused loopback address of the sandbox (127.x.y.z).
	Address() (net.IP, error)
	// Proxy forwards TCP connections from listen (HOST:PORT) to what target
	// returns at that moment, for as long as every one of the regions is up;
	// with one of them down or black-holed it resets or holds connections.
	Proxy(listen string, target func() string, regions ...string) (Proxy, error)
	// Guarded is a Proxy with a guard.
	Guarded(listen string, target func() string, guard Guard, regions ...string) (Proxy, error)
	// SetName makes the DNS server answer name (no trailing dot needed, any
	// case) with an A record; a nil address removes it. LookupName is its
	// reverse for the DNS server.
	SetName(name string, ip net.IP)
	LookupName(name string) (net.IP, bool)
}

// Guard tells whether a proxy may let something pass now: a new connection, or
// data of one that was let in before. What it stops is dropped as a packet filter
// drops it: nobody is told, and it passes when the guard lets it, if both sides
// have waited.
type Guard func(established bool) bool

// Proxy is a running TCP proxy.
type Proxy interface {
	Addr() net.Addr
	// Cut resets the connections that are open, and goes on listening.
	Cut()
	Close() error
}
