// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// resolver is a caching stub resolver: it keeps an answer for its TTL, as the
// resolver of an application's client does, so that the recovery that the
// client sees contains the wait for the TTL.
type resolver struct {
	server string
	client dns.Client

	mu    sync.Mutex
	cache map[string]cached
}

type cached struct {
	address string
	until   time.Time
}

func newResolver(server string) *resolver {
	return &resolver{server: server, client: dns.Client{Timeout: 2 * time.Second}, cache: map[string]cached{}}
}

func (r *resolver) lookup(ctx context.Context, host string) (string, error) {
	r.mu.Lock()
	hit, ok := r.cache[host]
	r.mu.Unlock()
	if ok && time.Now().Before(hit.until) {
		return hit.address, nil
	}
	var m dns.Msg
	m.SetQuestion(dns.Fqdn(host), dns.TypeA)
	answer, _, err := r.client.ExchangeContext(ctx, &m, r.server)
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", host, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return "", fmt.Errorf("resolving %s: %s", host, strings.ToLower(dns.RcodeToString[answer.Rcode]))
	}
	for _, rr := range answer.Answer {
		a, ok := rr.(*dns.A)
		if !ok {
			continue
		}
		hit = cached{a.A.String(), time.Now().Add(time.Duration(a.Hdr.Ttl) * time.Second)}
		r.mu.Lock()
		r.cache[host] = hit
		r.mu.Unlock()
		return hit.address, nil
	}
	return "", fmt.Errorf("resolving %s: no A record", host)
}
