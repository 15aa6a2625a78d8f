// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
)

// lockPort is bound (UDP, nothing is ever sent) at the first address of a block
// by the sandbox that owns the block.
const lockPort = 4095

// loopback is the Network: blocks of 254 addresses of 127.0.0.0/8 that no
// other sandbox on the machine uses.
type loopback struct {
	e *Engine

	mu      sync.Mutex
	closed  bool
	locks   []net.PacketConn
	block   net.IP // 127.a.b.0
	next    byte
	names   map[string]net.IP
	proxies map[*proxy]struct{}
}

func newLoopback(e *Engine) *loopback {
	return &loopback{e: e, names: map[string]net.IP{}, proxies: map[*proxy]struct{}{}}
}

// Address implements Network.
func (l *loopback) Address() (net.IP, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	if l.block == nil || l.next == 255 {
		if err := l.claim(); err != nil {
			return nil, err
		}
	}
	ip := net.IPv4(127, l.block[1], l.block[2], l.next).To4()
	l.next++
	return ip, nil
}

// claim takes a block that no other sandbox holds.
func (l *loopback) claim() error {
	var last error
	for range 200 {
		a, b := byte(64+rand.IntN(190)), byte(rand.IntN(256)) //nolint:gosec // no secret
		lock, err := (&net.ListenConfig{}).ListenPacket(l.e.ctx, "udp4", fmt.Sprintf("127.%d.%d.1:%d", a, b, lockPort))
		if err != nil {
			last = err
			continue
		}
		l.locks = append(l.locks, lock)
		l.block, l.next = net.IPv4(127, a, b, 0).To4(), 2
		return nil
	}
	return fmt.Errorf("the sandbox needs loopback addresses of its own (127.x.y.z, as on Linux) and could not bind any: %w", last)
}

func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// SetName implements Network.
func (l *loopback) SetName(name string, ip net.IP) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ip == nil {
		delete(l.names, fold(name))
		return
	}
	l.names[fold(name)] = ip
}

// LookupName implements Network.
func (l *loopback) LookupName(name string) (net.IP, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ip, ok := l.names[fold(name)]
	return ip, ok
}

func (l *loopback) close() error {
	l.mu.Lock()
	l.closed = true
	var open []*proxy
	for p := range l.proxies {
		open = append(open, p)
	}
	locks := l.locks
	l.locks, l.block = nil, nil
	l.mu.Unlock()
	var errs []error
	for _, p := range open {
		errs = append(errs, p.Close())
	}
	for _, lock := range locks {
		errs = append(errs, lock.Close())
	}
	return errors.Join(errs...)
}
