// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// proxy implements Proxy.
type proxy struct {
	l        *loopback
	listener net.Listener
	target   func() string
	regions  []string
	guard    Guard // nil lets everything pass
	ctx      context.Context
	cancel   context.CancelFunc

	mu    sync.Mutex
	links map[*link]struct{}
	done  sync.WaitGroup
}

// Proxy implements Network.
func (l *loopback) Proxy(listen string, target func() string, regions ...string) (Proxy, error) {
	return l.Guarded(listen, target, nil, regions...)
}

// Guarded implements Network.
func (l *loopback) Guarded(listen string, target func() string, guard Guard, regions ...string) (Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(l.e.ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	p := &proxy{l: l, listener: listener, target: target, guard: guard, regions: regions, links: map[*link]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(l.e.ctx)
	l.mu.Lock()
	closed := l.closed
	l.proxies[p] = struct{}{}
	l.mu.Unlock()
	if closed {
		p.Close() //nolint:errcheck // the sandbox is gone
		return nil, net.ErrClosed
	}
	l.e.OnRegion(func(name string, s RegionState) {
		if s == Down && slices.Contains(regions, name) {
			p.Cut()
		}
	})
	p.done.Go(p.accept)
	return p, nil
}

func (p *proxy) Addr() net.Addr { return p.listener.Addr() }

func (p *proxy) Cut() {
	p.mu.Lock()
	links := make([]*link, 0, len(p.links))
	for k := range p.links {
		links = append(links, k)
	}
	p.mu.Unlock()
	for _, k := range links {
		k.reset()
	}
}

func (p *proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Cut()
	p.done.Wait()
	p.l.mu.Lock()
	delete(p.l.proxies, p)
	p.l.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			pause(p.ctx, 10*time.Millisecond) // out of files, perhaps
			continue
		}
		k := &link{p: p, client: conn}
		p.mu.Lock()
		p.links[k] = struct{}{}
		p.mu.Unlock()
		p.done.Go(func() {
			k.run()
			p.mu.Lock()
			delete(p.links, k)
			p.mu.Unlock()
		})
	}
}

// link is one connection through a proxy.
type link struct {
	p      *proxy
	client net.Conn
	// established is set before anything runs at once.
	established bool

	mu       sync.Mutex
	upstream net.Conn
	cut      bool
}

// reset ends both sides with a RST.
func (k *link) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = true
	kill(k.client)
	kill(k.upstream)
}

func kill(conn net.Conn) {
	if conn == nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it is closed next
	}
	conn.Close() //nolint:errcheck // nothing is left to lose
}

func (k *link) run() {
	early, ok := k.pass(k.client, nil)
	if !ok {
		k.reset()
		return
	}
	k.established = true
	dialer := net.Dialer{Timeout: 10 * time.Second}
	upstream, err := dialer.DialContext(k.p.ctx, "tcp", k.p.target())
	if err != nil {
		k.reset()
		return
	}
	k.mu.Lock()
	k.upstream = upstream
	cut := k.cut
	k.mu.Unlock()
	if cut || k.p.ctx.Err() != nil {
		k.reset()
		return
	}
	if len(early) > 0 {
		if _, err := upstream.Write(early); err != nil {
			k.reset()
			return
		}
	}
	var both sync.WaitGroup
	both.Go(func() { k.copy(upstream, k.client) })
	both.Go(func() { k.copy(k.client, upstream) })
	both.Wait()
	k.client.Close() //nolint:errcheck // both directions have ended
	upstream.Close() //nolint:errcheck // both directions have ended
}

// copy moves one direction until its end.
func (k *link) copy(dst, src net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := src.Read(buffer)
		chunk, ok := buffer[:n], true
		if n > 0 || err != nil {
			chunk, ok = k.pass(src, chunk)
		}
		if !ok {
			k.reset()
			return
		}
		if len(chunk) > 0 {
			if _, werr := dst.Write(chunk); werr != nil {
				k.reset()
				return
			}
		}
		if err != nil {
			if tcp, isTCP := dst.(*net.TCPConn); isTCP && errors.Is(err, io.EOF) {
				tcp.CloseWrite() //nolint:errcheck // the other direction may still run
				return
			}
			k.reset()
			return
		}
	}
}

// maxSilent is how much a black-holed connection's sender gets rid of before
// its own buffers fill.
const maxSilent = 256 << 10

// pass waits while the path is black-holed or guarded against, taking in what src still sends, and
// returns everything that is to go on. It is false when the connection has to
// end.
func (k *link) pass(src net.Conn, chunk []byte) ([]byte, bool) {
	copied := false
	for {
		state, changes := k.p.l.e.worst(k.p.regions)
		if state == Up && k.p.guard != nil && !k.p.guard(k.established) {
			state = BlackHoled
		}
		switch state {
		case Up:
			if copied {
				src.SetReadDeadline(time.Time{}) //nolint:errcheck // a closed one fails at the next read
			}
			return chunk, k.p.ctx.Err() == nil
		case Down:
			return nil, false
		}
		if !copied {
			chunk, copied = append([]byte(nil), chunk...), true
		}
		if chunk = k.listen(src, chunk, changes); chunk == nil || k.p.ctx.Err() != nil {
			return nil, false
		}
	}
}

// listen takes in what src sends for a while; nil when src has gone.
func (k *link) listen(src net.Conn, chunk []byte, changes []<-chan struct{}) []byte {
	const while = 100 * time.Millisecond
	if len(chunk) >= maxSilent || src != k.client {
		wait := time.After(while)
		select {
		case <-changes[0]:
		case <-wait:
		case <-k.p.ctx.Done():
		}
		return nonNil(chunk)
	}
	src.SetReadDeadline(time.Now().Add(while)) //nolint:errcheck // a closed one fails at the read
	buffer := make([]byte, 4<<10)
	n, err := src.Read(buffer)
	chunk = append(chunk, buffer[:n]...)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return nonNil(chunk)
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
